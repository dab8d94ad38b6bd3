// A libcublas.so.13 whose products are the cpu backend's: of fp32 matrices, column by column, alpha 1, beta 0 or 1, the
// factors rounded for tf32.

#include <vector>

#include "../../main/cpp/gemm.h"

#define API extern "C" __attribute__((visibility("default"))) int

static const int OK = 0, INVALID = 7, F32 = 0, COMPUTE_F32 = 68, COMPUTE_TF32 = 77;

API cublasCreate_v2(void** handle) { return *handle = &bestProduct, OK; }
API cublasDestroy_v2(void*) { return OK; }
API cublasSetStream_v2(void*, void*) { return OK; }
API cublasSetWorkspace_v2(void*, void*, size_t) { return OK; }
extern "C" __attribute__((visibility("default"))) const char* cublasGetStatusString(int) { return "invalid value"; }
API cublasGetVersion_v2(void*, int* version) { return *version = 130100, OK; }

// The transpose of a column-major matrix, or of its transpose, as what lies there row by row.
static View view(const void* data, int transpose, int stride) {
  return transpose ? transposed((const float*)data, stride) : plain((const float*)data, stride);
}

// A matrix of rows × cols and any stride with every element rounded to eleven bits.
static std::vector<float> rounded(const void* data, int rows, int cols, int stride) {
  std::vector<float> copy((size_t)rows * stride);
  for (int r = 0; r < rows; r++) {
    for (int c = 0; c < cols; c++) {
      uint32_t bits;
      memcpy(&bits, (const float*)data + (size_t)r * stride + c, sizeof bits);
      bool finite = (bits & 0x7F800000) != 0x7F800000;
      bits = finite ? (bits + 0x1000) & 0xFFFFE000 : bits;
      memcpy(&copy[(size_t)r * stride + c], &bits, sizeof bits);
    }
  }
  return copy;
}

// c[m,n] = op(a) · op(b) + beta · c, so row by row cᵀ = op(b)ᵀ · op(a)ᵀ.
API cublasGemmEx(void*, int transposeA, int transposeB, int m, int n, int k, const float* alpha, const void* a, int typeA,
                 int lda, const void* b, int typeB, int ldb, const float* beta, void* c, int typeC, int ldc, int compute,
                 int) {
  bool ours = *alpha == 1 && (*beta == 0 || *beta == 1) && typeA == F32 && typeB == F32 && typeC == F32;
  bool fits = lda >= (transposeA ? k : m) && ldb >= (transposeB ? n : k) && ldc >= m && m >= 0 && n >= 0 && k >= 0;
  if (!ours || !fits || (compute != COMPUTE_F32 && compute != COMPUTE_TF32)) return INVALID;
  std::vector<float> roundedA, roundedB;
  if (compute == COMPUTE_TF32) {
    roundedA = rounded(a, transposeA ? m : k, transposeA ? k : m, lda);
    roundedB = rounded(b, transposeB ? k : n, transposeB ? n : k, ldb);
    a = roundedA.data();
    b = roundedB.data();
  }
  if (*beta == 0) {
    for (int i = 0; i < n; i++) memset((float*)c + (int64_t)i * ldc, 0, m * sizeof(float));
  }
  gemm(n, m, k, view(b, transposeB, ldb), view(a, transposeA, lda), {(float*)c, ldc, 1, true});
  return OK;
}
