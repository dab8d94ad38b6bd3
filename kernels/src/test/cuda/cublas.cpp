// A libcublas.so.13 whose products are the cpu backend's: of matrices of fp32, fp16 or bf16, column by column, alpha 1,
// beta 0 or 1, the factors rounded for tf32, sums in fp32.

#include <vector>

#include "../../main/cpp/gemm.h"

#define API extern "C" __attribute__((visibility("default"))) int

static const int OK = 0, INVALID = 7, F32 = 0, F16 = 2, COMPUTE_F32 = 68, COMPUTE_TF32 = 77;

API cublasCreate_v2(void** handle) { return *handle = &bestProduct, OK; }
API cublasDestroy_v2(void*) { return OK; }
API cublasSetStream_v2(void*, void*) { return OK; }
API cublasSetWorkspace_v2(void*, void*, size_t) { return OK; }
extern "C" __attribute__((visibility("default"))) const char* cublasGetStatusString(int) { return "invalid value"; }
API cublasGetVersion_v2(void*, int* version) { return *version = 130100, OK; }

// The transpose of a column-major matrix, or of its transpose, as what lies there row by row.
static View view(const std::vector<float>& data, int transpose, int stride) {
  return transpose ? transposed(data.data(), stride) : plain(data.data(), stride);
}

static float fromType(const void* data, size_t i, int type) {
  if (type == F32) return ((const float*)data)[i];
  if (type == F16) return (float)((const _Float16*)data)[i];
  uint32_t bits = (uint32_t)((const uint16_t*)data)[i] << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void toType(void* data, size_t i, int type, float x) {
  if (type == F32) {
    ((float*)data)[i] = x;
  } else if (type == F16) {
    ((_Float16*)data)[i] = (_Float16)x;
  } else {
    uint32_t bits;
    memcpy(&bits, &x, sizeof x);
    ((uint16_t*)data)[i] = x != x ? 0x7FFF : (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
  }
}

// A matrix of columns one after the other in fp32, for tf32 with every element rounded to eleven bits.
static std::vector<float> unpacked(const void* data, int rows, int cols, int stride, int type, bool tf32) {
  std::vector<float> copy((size_t)cols * stride);
  for (int c = 0; c < cols; c++) {
    for (int r = 0; r < rows; r++) {
      size_t i = (size_t)c * stride + r;
      float x = fromType(data, i, type);
      uint32_t bits;
      memcpy(&bits, &x, sizeof bits);
      bool finite = (bits & 0x7F800000) != 0x7F800000;
      if (tf32 && finite) bits = (bits + 0x1000) & 0xFFFFE000;
      memcpy(&copy[i], &bits, sizeof bits);
    }
  }
  return copy;
}

// c[m,n] = op(a) · op(b) + beta · c, so row by row cᵀ = op(b)ᵀ · op(a)ᵀ.
API cublasGemmEx(void*, int transposeA, int transposeB, int m, int n, int k, const float* alpha, const void* a, int typeA,
                 int lda, const void* b, int typeB, int ldb, const float* beta, void* c, int typeC, int ldc, int compute,
                 int) {
  bool types = typeA == typeB && (typeC == typeA || typeC == F32);
  bool sums = compute == COMPUTE_F32 || (compute == COMPUTE_TF32 && typeA == F32);
  bool fits = lda >= (transposeA ? k : m) && ldb >= (transposeB ? n : k) && ldc >= m && m >= 0 && n >= 0 && k >= 0;
  if (*alpha != 1 || (*beta != 0 && *beta != 1) || !types || !sums || !fits) return INVALID;
  std::vector<float> left = unpacked(a, transposeA ? k : m, transposeA ? m : k, lda, typeA, compute == COMPUTE_TF32);
  std::vector<float> right = unpacked(b, transposeB ? n : k, transposeB ? k : n, ldb, typeB, compute == COMPUTE_TF32);
  std::vector<float> product = unpacked(c, m, n, ldc, typeC, false);
  if (*beta == 0) memset(product.data(), 0, product.size() * sizeof(float));
  gemm(n, m, k, view(right, transposeB, ldb), view(left, transposeA, lda), {product.data(), ldc, 1, true});
  for (int column = 0; column < n; column++) {
    for (int row = 0; row < m; row++) {
      size_t i = (size_t)column * ldc + row;
      toType(c, i, typeC, product[i]);
    }
  }
  return OK;
}
