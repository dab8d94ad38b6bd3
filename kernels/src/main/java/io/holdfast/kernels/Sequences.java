package io.holdfast.kernels;

/**
 * Where the sequences of a packed batch begin: sequence b holds tokens {@code starts[b]} to {@code
 * starts[b + 1]}, the first from 0 and the last to the end of the batch. Both tensors are I32,
 * {@code starts} of shape [B + 1, 1], {@code streams} (the random stream of each sequence) [B, 1].
 * {@code maxLength} bounds the longest sequence.
 */
public record Sequences(Tensor starts, Tensor streams, int maxLength) {

  public Sequences {
    if (starts.dtype() != DType.I32
        || streams.dtype() != DType.I32
        || starts.rows() != streams.rows() + 1) {
      throw new IllegalArgumentException("sequences need I32 starts [B + 1, 1] and streams [B, 1]");
    }
  }

  public int count() {
    return streams.rows();
  }
}
