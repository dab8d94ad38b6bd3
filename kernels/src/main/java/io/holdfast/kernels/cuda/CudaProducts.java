package io.holdfast.kernels.cuda;

import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F;
import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F_FAST_TF32;
import static org.bytedeco.cuda.global.cublas.CUBLAS_GEMM_DEFAULT;
import static org.bytedeco.cuda.global.cublas.CUBLAS_OP_N;
import static org.bytedeco.cuda.global.cublas.CUBLAS_OP_T;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_ALLOC_FAILED;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_SUCCESS;
import static org.bytedeco.cuda.global.cublas.cublasCreate_v2;
import static org.bytedeco.cuda.global.cublas.cublasDestroy_v2;
import static org.bytedeco.cuda.global.cublas.cublasGemmEx;
import static org.bytedeco.cuda.global.cublas.cublasGetStatusString;
import static org.bytedeco.cuda.global.cublas.cublasGetVersion_v2;
import static org.bytedeco.cuda.global.cublas.cublasSetStream_v2;
import static org.bytedeco.cuda.global.cublas.cublasSetWorkspace_v2;
import static org.bytedeco.cuda.global.cudart.CUDA_R_16BF;
import static org.bytedeco.cuda.global.cudart.CUDA_R_16F;
import static org.bytedeco.cuda.global.cudart.CUDA_R_32F;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import org.bytedeco.cuda.cublas.cublasContext;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/** Matrix products by cuBLAS, in one stream. */
final class CudaProducts {

  /** What NVIDIA recommends for Hopper; one of our own makes results repeat. */
  static final int WORKSPACE = 32 << 20;

  /** A device address as a pointer, moved from call to call. */
  static final class Address extends Pointer {
    Address at(long to) {
      address = to;
      return this;
    }
  }

  private final int compute;
  private final CudaBiasedProducts biased;
  private final cublasContext handle = new cublasContext();
  private final FloatPointer zero = new FloatPointer(0f);
  private final FloatPointer one = new FloatPointer(1f);
  private final Address left = new Address();
  private final Address right = new Address();
  private final Address result = new Address();

  /**
   * @param workspace address of {@link #WORKSPACE} bytes
   * @param tf32 whether factors of fp32 are rounded to tf32
   */
  CudaProducts(CUstream_st stream, long workspace, boolean tf32) {
    compute = tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    check(cublasCreate_v2(handle), "cublasCreate");
    check(cublasSetStream_v2(handle, stream), "cublasSetStream");
    check(cublasSetWorkspace_v2(handle, result.at(workspace), WORKSPACE), "cublasSetWorkspace");
    biased = new CudaBiasedProducts(stream, workspace, compute);
  }

  /** {@link CudaBiasedProducts#multiply}. */
  boolean multiplyWithBias(
      long y, long x, long w, long b, DType type, int rows, int outputs, int inputs) {
    return biased.multiply(y, x, w, b, type, rows, outputs, inputs);
  }

  String version() {
    int[] version = new int[1];
    check(cublasGetVersion_v2(handle, version), "cublasGetVersion");
    return Integer.toString(version[0]);
  }

  /**
   * {@code c[m,n] = op(a)[m,k] · op(b)[k,n]}, plus the old c if {@code add}, op the transpose where
   * asked for; all row-major, which are the transposes of cuBLAS's: cᵀ = op(b)ᵀ · op(a)ᵀ. Sums are
   * fp32.
   *
   * @param factors type of a and b
   * @param product type of c
   */
  void multiply(
      long c,
      DType product,
      long a,
      boolean transposeA,
      long b,
      boolean transposeB,
      DType factors,
      int m,
      int n,
      int k,
      boolean add) {
    check(
        cublasGemmEx(
            handle,
            transposeB ? CUBLAS_OP_T : CUBLAS_OP_N,
            transposeA ? CUBLAS_OP_T : CUBLAS_OP_N,
            n,
            m,
            k,
            one,
            left.at(b),
            type(factors),
            transposeB ? k : n,
            right.at(a),
            type(factors),
            transposeA ? m : k,
            add ? one : zero,
            result.at(c),
            type(product),
            n,
            compute(factors, compute),
            CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx");
  }

  /**
   * @param ofFp32 how products of fp32 are computed
   */
  static int compute(DType factors, int ofFp32) {
    return factors == DType.F32 ? ofFp32 : CUBLAS_COMPUTE_32F;
  }

  static int type(DType dtype) {
    return dtype == DType.F32 ? CUDA_R_32F : dtype == DType.BF16 ? CUDA_R_16BF : CUDA_R_16F;
  }

  void close() {
    biased.close();
    cublasDestroy_v2(handle);
    zero.close();
    one.close();
  }

  static void check(int code, String call) {
    if (code != CUBLAS_STATUS_SUCCESS) {
      throw new HoldfastException(
          code == CUBLAS_STATUS_ALLOC_FAILED
              ? HoldfastException.Kind.OUT_OF_MEMORY
              : HoldfastException.Kind.BACKEND,
          "backend cuda: " + call + " failed: " + cublasGetStatusString(code).getString());
    }
  }
}
