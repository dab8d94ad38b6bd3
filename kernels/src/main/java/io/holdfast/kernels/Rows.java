package io.holdfast.kernels;

/**
 * Which random numbers the rows of a tensor draw: row r draws from stream {@code streams[r]} at
 * {@code positions[r]}. Both are I32 of shape [rows, 1]. Two rows with the same stream and position
 * draw the same numbers under the same key.
 */
public record Rows(Tensor streams, Tensor positions) {

  public Rows {
    if (streams.dtype() != DType.I32
        || positions.dtype() != DType.I32
        || streams.rows() != positions.rows()) {
      throw new IllegalArgumentException("rows need two I32 columns of one length");
    }
  }
}
