// A libcublas.so.13: products of two matrices, alpha 1, beta 0 or 1.

#include "products.h"

API cublasCreate_v2(void** handle) { return *handle = &bestProduct, OK; }
API cublasDestroy_v2(void*) { return OK; }
API cublasSetStream_v2(void*, void*) { return OK; }
API cublasSetWorkspace_v2(void*, void*, size_t) { return OK; }
extern "C" __attribute__((visibility("default"))) const char* cublasGetStatusString(int) { return "invalid value"; }
API cublasGetVersion_v2(void*, int* version) { return *version = 130100, OK; }

// c[m,n] = op(a) · op(b) + beta · c
API cublasGemmEx(void*, int transposeA, int transposeB, int m, int n, int k, const float* alpha, const void* a, int typeA,
                 int lda, const void* b, int typeB, int ldb, const float* beta, void* c, int typeC, int ldc, int compute,
                 int) {
  bool types = typeA == typeB && (typeC == typeA || typeC == F32);
  bool sums = compute == COMPUTE_F32 || (compute == COMPUTE_TF32 && typeA == F32);
  bool fits = lda >= (transposeA ? k : m) && ldb >= (transposeB ? n : k) && ldc >= m && m >= 0 && n >= 0 && k >= 0;
  if (*alpha != 1 || (*beta != 0 && *beta != 1) || !types || !sums || !fits) return INVALID;
  multiply({a, typeA, lda, transposeA != 0}, {b, typeB, ldb, transposeB != 0}, c, typeC, ldc, m, n, k,
           compute == COMPUTE_TF32, *beta == 1, nullptr);
  return OK;
}
