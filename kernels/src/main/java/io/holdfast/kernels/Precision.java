package io.holdfast.kernels;

/** How numbers are kept and multiplied. Parameters, their gradients and all sums are fp32. */
public enum Precision {
  FP32("fp32"),
  /** Factors rounded to tf32, of 11 significant bits, as tensor cores read them: cuda alone. */
  TF32("tf32"),
  /** Hidden states and the weights they are multiplied with in bfloat16: cuda alone. */
  BF16("bf16"),
  /** The same in IEEE half precision, whose gradients need a loss scale: cuda alone. */
  FP16("fp16"),
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
