package io.holdfast.kernels;

/** Element types of a {@link Tensor}. F64 exists for the reference definition only. */
public enum DType {
  F64(8),
  F32(4),
  BF16(2),
  F16(2),
  I32(4);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  public int bytes() {
    return bytes;
  }
}
