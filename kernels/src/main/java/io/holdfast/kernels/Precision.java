package io.holdfast.kernels;

/** How matrix products are computed. Buffers, everything else and all sums stay fp32. */
public enum Precision {
  FP32("fp32"),
  /** Factors rounded to tf32, of 11 significant bits, as tensor cores read them: cuda alone. */
  TF32("tf32"),
  /**
   * fp32 buffers, bf16 products with fp32 sums (oneDNN's fpmath mode): cpu alone, and faster only
   * where the processor has AMX.
   */
  BF16_GEMM("bf16-gemm");

  private final String label;

  Precision(String label) {
    this.label = label;
  }

  @Override
  public String toString() {
    return label;
  }
}
