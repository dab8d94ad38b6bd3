package io.holdfast.kernels.cuda;

import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_BIAS;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_BIAS_POINTER;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_EPILOGUE;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_TRANSA;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLAS_OP_T;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_NOT_SUPPORTED;
import static org.bytedeco.cuda.global.cublas.cublasLtCreate;
import static org.bytedeco.cuda.global.cublas.cublasLtDestroy;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmul;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulAlgoGetHeuristic;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulDescInit;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulDescSetAttribute;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulPreferenceInit;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulPreferenceSetAttribute;
import static org.bytedeco.cuda.global.cublas.cublasLtMatrixLayoutInit;
import static org.bytedeco.cuda.global.cudart.CUDA_R_32F;

import io.holdfast.kernels.DType;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/** {@code y = x · wᵀ + b} in one call of cuBLASLt. */
final class CudaBiasedProducts {

  /** Shapes whose plan is kept: as many as lengths of batches that recur. */
  private static final int MOST_PLANS = 1024;

  private static final int LARGEST_ALIGNMENT = 256;

  /**
   * What an algorithm is chosen by.
   *
   * @param alignment of all addresses, in bytes
   */
  private record Shape(DType type, int rows, int outputs, int inputs, int alignment) {}

  /** A product as the library wants it described, column by column: yᵀ = w · xᵀ. */
  private record Plan(
      cublasLtMatmulDescOpaque_t product,
      cublasLtMatrixLayoutOpaque_t w,
      cublasLtMatrixLayoutOpaque_t x,
      cublasLtMatrixLayoutOpaque_t y,
      cublasLtMatmulHeuristicResult_t choice,
      boolean possible) {

    void close() {
      for (Pointer part : new Pointer[] {product, w, x, y, choice}) {
        part.close();
      }
    }
  }

  private final cublasLtContext handle = new cublasLtContext();
  private final CUstream_st stream;
  private final CudaProducts.Address workspace;
  private final int compute;
  private final FloatPointer one = new FloatPointer(1f);
  private final FloatPointer zero = new FloatPointer(0f);
  private final LongPointer biasAddress = new LongPointer(1);
  private final CudaProducts.Address left = new CudaProducts.Address();
  private final CudaProducts.Address right = new CudaProducts.Address();
  private final CudaProducts.Address result = new CudaProducts.Address();

  private final Map<Shape, Plan> plans =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Shape, Plan> eldest) {
          if (size() > MOST_PLANS) {
            eldest.getValue().close();
          }
          return size() > MOST_PLANS;
        }
      };

  /**
   * @param workspace address of {@link CudaProducts#WORKSPACE} bytes
   * @param compute how products of fp32 are computed
   */
  CudaBiasedProducts(CUstream_st stream, long workspace, int compute) {
    this.stream = stream;
    this.workspace = new CudaProducts.Address().at(workspace);
    this.compute = compute;
    CudaProducts.check(cublasLtCreate(handle), "cublasLtCreate");
  }

  /**
   * {@code y[rows, outputs] = x[rows, inputs] · wᵀ[outputs, inputs] + b[outputs]}, all row-major
   * and of one type; false, and nothing is done, where the library has no algorithm for that.
   */
  boolean multiply(long y, long x, long w, long b, DType type, int rows, int outputs, int inputs) {
    int alignment = (int) Long.lowestOneBit(y | x | w | b | LARGEST_ALIGNMENT);
    Shape shape = new Shape(type, rows, outputs, inputs, alignment);
    Plan plan = plans.get(shape);
    if (plan == null) {
      plan = plan(shape);
      plans.put(shape, plan);
    }
    if (!plan.possible) {
      return false;
    }
    set(plan.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, biasAddress.put(b), Long.BYTES);
    CudaProducts.check(
        cublasLtMatmul(
            handle,
            plan.product,
            one,
            left.at(w),
            plan.w,
            right.at(x),
            plan.x,
            zero,
            result.at(y),
            plan.y,
            result,
            plan.y,
            plan.choice.algo(),
            workspace,
            CudaProducts.WORKSPACE,
            stream),
        "cublasLtMatmul");
    return true;
  }

  private Plan plan(Shape s) {
    int type = CudaProducts.type(s.type);
    cublasLtMatmulDescOpaque_t product = new cublasLtMatmulDescOpaque_t();
    CudaProducts.check(
        cublasLtMatmulDescInit(product, CudaProducts.compute(s.type, compute), CUDA_R_32F),
        "cublasLtMatmulDescInit");
    try (IntPointer value = new IntPointer(1)) {
      set(product, CUBLASLT_MATMUL_DESC_TRANSA, value.put(CUBLAS_OP_T), Integer.BYTES);
      set(product, CUBLASLT_MATMUL_DESC_EPILOGUE, value.put(CUBLASLT_EPILOGUE_BIAS), Integer.BYTES);
    }
    // Some algorithms are for some biases: one has to be there when they are looked for.
    set(
        product,
        CUBLASLT_MATMUL_DESC_BIAS_POINTER,
        biasAddress.put(workspace.address()),
        Long.BYTES);
    var w = layout(type, s.inputs, s.outputs);
    var x = layout(type, s.inputs, s.rows);
    var y = layout(type, s.outputs, s.rows);
    var choice = new cublasLtMatmulHeuristicResult_t();
    int[] found = new int[1];
    try (var preference = preference(s.alignment)) {
      int code =
          cublasLtMatmulAlgoGetHeuristic(handle, product, w, x, y, y, preference, 1, choice, found);
      if (code != CUBLAS_STATUS_NOT_SUPPORTED) {
        CudaProducts.check(code, "cublasLtMatmulAlgoGetHeuristic");
      }
    }
    return new Plan(product, w, x, y, choice, found[0] > 0 && choice.state() == 0);
  }

  /** Column by column, without gaps. */
  private static cublasLtMatrixLayoutOpaque_t layout(int type, int rows, int cols) {
    var layout = new cublasLtMatrixLayoutOpaque_t();
    CudaProducts.check(
        cublasLtMatrixLayoutInit(layout, type, rows, cols, rows), "cublasLtMatrixLayoutInit");
    return layout;
  }

  private static cublasLtMatmulPreferenceOpaque_t preference(int alignment) {
    var preference = new cublasLtMatmulPreferenceOpaque_t();
    CudaProducts.check(cublasLtMatmulPreferenceInit(preference), "cublasLtMatmulPreferenceInit");
    try (LongPointer bytes = new LongPointer(1).put(CudaProducts.WORKSPACE);
        IntPointer value = new IntPointer(1).put(alignment)) {
      prefer(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, bytes, Long.BYTES);
      prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, value, Integer.BYTES);
      prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, value, Integer.BYTES);
      prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, value, Integer.BYTES);
      prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, value, Integer.BYTES);
    }
    return preference;
  }

  private static void set(
      cublasLtMatmulDescOpaque_t product, int attribute, Pointer value, int bytes) {
    CudaProducts.check(
        cublasLtMatmulDescSetAttribute(product, attribute, value, bytes),
        "cublasLtMatmulDescSetAttribute");
  }

  private static void prefer(
      cublasLtMatmulPreferenceOpaque_t preference, int attribute, Pointer value, int bytes) {
    CudaProducts.check(
        cublasLtMatmulPreferenceSetAttribute(preference, attribute, value, bytes),
        "cublasLtMatmulPreferenceSetAttribute");
  }

  void close() {
    plans.values().forEach(Plan::close);
    plans.clear();
    cublasLtDestroy(handle);
    one.close();
    zero.close();
    biasAddress.close();
  }
}
