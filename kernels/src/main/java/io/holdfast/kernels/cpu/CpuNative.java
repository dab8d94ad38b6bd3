package io.holdfast.kernels.cpu;

import io.holdfast.kernels.HoldfastException;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.CriticalRegion;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * Raw bindings of the C++ kernels in src/main/cpp, where each is described. Tensors are passed as
 * addresses (null is 0): a call creates no object. {@code from} and {@code to} bound the rows, the
 * columns or the elements that this call computes.
 */
@Platform(
    include = {
      "memory.cpp",
      "processor.cpp",
      "linear.cpp",
      "spectral_norm.cpp",
      "gather.cpp",
      "noise.cpp",
      "ascent.cpp",
      "dropout.cpp",
      "layer_norm.cpp",
      "activations.cpp",
      "attention.cpp",
      "losses.cpp",
      "update.cpp"
    },
    compiler = "cpp17",
    library = CpuNative.LIBRARY)
final class CpuNative {

  static final String LIBRARY = "jniHoldfastCpu";

  private static final Throwable FAILURE = NativeLibrary.load(CpuNative.class, LIBRARY);

  private CpuNative() {}

  /**
   * Throws an exception of kind BACKEND, with the cause, where the native libraries do not load.
   */
  static void verifyLoaded() {
    if (FAILURE != null) {
      throw new HoldfastException(
          HoldfastException.Kind.BACKEND,
          "the cpu backend's native library does not load on "
              + Loader.getPlatform()
              + " ("
              + FAILURE
              + "): it is built for the platform Holdfast was built on; libraries are unpacked to"
              + " ~/.javacpp, which must allow execution (another folder:"
              + " -Dorg.bytedeco.javacpp.cachedir=DIR)",
          FAILURE);
    }
  }

  // ---- memory and processor ----

  @Cast("jlong")
  static native long allocateAligned(long bytes);

  static native void release(long memory);

  static native void zeroBytes(long dst, long bytes);

  static native void copyBytes(long dst, long src, long bytes);

  @CriticalRegion
  static native void copyFloatsIn(long dst, @Cast("const float*") float[] src, int from, int count);

  @CriticalRegion
  static native void copyIntsIn(long dst, @Cast("const int32_t*") int[] src, int from, int count);

  @CriticalRegion
  static native void copyFloatsOut(float[] dst, int from, long src, int count);

  static native @Cast("bool") boolean hasAmx();

  /** For tests: the code for processors without AVX2, here too. */
  static native void useAnyProcessor(boolean on);

  // ---- linear ----

  static native void linear(
      long y,
      long x,
      long w,
      long b,
      boolean bf16,
      long in,
      long out,
      long rowFrom,
      long rowTo,
      long colFrom,
      long colTo);

  static native void linearBackwardInput(
      long dx,
      long dy,
      long w,
      boolean add,
      boolean bf16,
      long in,
      long out,
      long rowFrom,
      long rowTo,
      long colFrom,
      long colTo);

  static native void linearBackwardWeight(
      long dw,
      long dy,
      long x,
      boolean bf16,
      long rows,
      long in,
      long out,
      long rowFrom,
      long rowTo,
      long colFrom,
      long colTo);

  static native void addColumnSums(long db, long dy, long rows, long cols, long from, long to);

  static native void spectralNorm(
      long y,
      long sigma,
      long u,
      long v,
      long w,
      int iterations,
      boolean atMostOne,
      long rows,
      long cols);

  static native void spectralNormBackward(
      long dw,
      long dy,
      long y,
      long sigma,
      long u,
      long v,
      boolean atMostOne,
      long rows,
      long cols);

  // ---- rows of tables ----

  @Cast("jlong")
  static native long firstBadId(long ids, long tableRows, long from, long to);

  static native void gather(long y, long table, long ids, long cols, long from, long to);

  static native void gatherBackward(
      long dTable, long dy, long ids, long rows, long cols, long from, long to);

  static native void embeddingSum(
      long y,
      long words,
      long positionTable,
      long positions,
      long typeTable,
      long types,
      long cols,
      long from,
      long to);

  static native void addNoise(
      long y,
      long x,
      boolean normal,
      float eps,
      long key,
      long streams,
      long positions,
      long cols,
      long from,
      long to);

  static native void ascend(
      long delta,
      long g,
      long starts,
      boolean l2,
      float step,
      float floor,
      float radius,
      long cols,
      long from,
      long to);

  // ---- normalisation and dropout ----

  static native void dropout(
      long y,
      long x,
      int threshold,
      float scale,
      long key,
      long streams,
      long positions,
      long cols,
      long from,
      long to);

  static native void layerNorm(
      long y,
      long mean,
      long rstd,
      long x,
      long gamma,
      long beta,
      float eps,
      long cols,
      long from,
      long to);

  static native void layerNormBackward(
      long dx, long dy, long x, long mean, long rstd, long gamma, long cols, long from, long to);

  static native void layerNormBackwardParameters(
      long dGamma,
      long dBeta,
      long dy,
      long x,
      long mean,
      long rstd,
      long rows,
      long cols,
      long from,
      long to);

  static native void dropoutAddLayerNorm(
      long y,
      long s,
      long mean,
      long rstd,
      long x,
      long residual,
      long gamma,
      long beta,
      float eps,
      int threshold,
      float scale,
      long key,
      long streams,
      long positions,
      long cols,
      long from,
      long to);

  static native void dropoutAddLayerNormBackward(
      long dx,
      long dResidual,
      long dy,
      long s,
      long mean,
      long rstd,
      long gamma,
      int threshold,
      float scale,
      long key,
      long streams,
      long positions,
      long cols,
      long from,
      long to);

  // ---- activations ----

  static native void biasGelu(long y, long x, long b, long cols, long from, long to);

  static native void biasGeluBackward(
      long dx, long dy, long x, long b, long cols, long from, long to);

  static native void tanhForward(long y, long x, long from, long to);

  static native void tanhBackward(long dx, long dy, long y, long from, long to);

  // ---- attention ----

  static native boolean startsFit(long starts, long sequences, long rows, long maxLength);

  @Cast("jlong")
  static native long attentionScratch(long maxLength);

  static native void attention(
      long ctx,
      long lse,
      long scratch,
      long qkv,
      long starts,
      long streams,
      long sequences,
      long heads,
      long headSize,
      int threshold,
      float dropoutScale,
      long key,
      int worker,
      int workers);

  static native void attentionBackward(
      long dqkv,
      long scratch,
      long dctx,
      long ctx,
      long lse,
      long qkv,
      long starts,
      long streams,
      long sequences,
      long heads,
      long headSize,
      int threshold,
      float dropoutScale,
      long key,
      int worker,
      int workers);

  // ---- losses and update ----

  static native void crossEntropy(
      long loss,
      long dLogits,
      long logits,
      long labels,
      float scale,
      long cols,
      long from,
      long to);

  static native void symmetricKl(
      long kl,
      long dP,
      long dQ,
      long pLogits,
      long qLogits,
      float scale,
      long cols,
      long from,
      long to);

  static native void squaredError(
      long loss, long dx, long x, long target, float scale, long from, long to);

  static native void axpby(long y, float a, long x, float b, long from, long to);

  static native double sumOfSquares(long x, long from, long to);

  static native void adamw(
      long w,
      long m,
      long v,
      long g,
      float gradientScale,
      float beta1,
      float oneMinusBeta1,
      float beta2,
      float oneMinusBeta2,
      float decay,
      float rate,
      float root,
      float epsilon,
      long from,
      long to);
}
