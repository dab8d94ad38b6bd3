package io.holdfast.kernels.cpu;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * Raw bindings of the C++ kernels in src/main/cpp. Tensors are passed as addresses: a call creates
 * no object.
 */
@Platform(include = "gemm.cpp", compiler = "cpp17", library = "jniHoldfastCpu")
final class CpuNative {

  static {
    Loader.load(org.bytedeco.dnnl.global.dnnl.class); // libdnnl, which ours links against
    Loader.load();
  }

  private CpuNative() {}

  static native void sgemm(
      boolean transA,
      boolean transB,
      long m,
      long n,
      long k,
      @Cast("const float*") long a,
      long lda,
      @Cast("const float*") long b,
      long ldb,
      float beta,
      @Cast("float*") long c,
      long ldc);
}
