// A libcublasLt.so.13: products d = op(a) · b + bias in an epilogue. Descriptions are kept in the caller's memory.

#include "products.h"

static const int TRANSPOSE_A = 3, EPILOGUE = 7, BIAS_POINTER = 8, EPILOGUE_BIAS = 4;
static const int ALIGNMENT_A = 5, ALIGNMENT_D = 8, MOST_WORKSPACE = 1;

struct Description {
  int compute, scale, transposeA, epilogue;
  const void* bias;
};

struct Layout {
  int type;
  int64_t rows, cols, stride;
};

struct Preference {
  uint64_t workspace;
  uint32_t alignments[4];
};

struct Choice {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
};

API cublasLtCreate(void** handle) { return *handle = &bestProduct, OK; }
API cublasLtDestroy(void*) { return OK; }

API cublasLtMatmulDescInit_internal(Description* product, size_t size, int compute, int scale) {
  if (size < sizeof *product) return INVALID;
  return *product = {compute, scale, 0, 1, nullptr}, OK;
}

API cublasLtMatmulDescSetAttribute(Description* product, int attribute, const void* value, size_t bytes) {
  if (bytes != (attribute == BIAS_POINTER ? 8 : 4)) return INVALID;
  if (attribute == TRANSPOSE_A) return memcpy(&product->transposeA, value, bytes), OK;
  if (attribute == EPILOGUE) return memcpy(&product->epilogue, value, bytes), OK;
  if (attribute == BIAS_POINTER) return memcpy(&product->bias, value, bytes), OK;
  return INVALID;
}

API cublasLtMatrixLayoutInit_internal(Layout* layout, size_t size, int type, uint64_t rows, uint64_t cols,
                                      int64_t stride) {
  if (size < sizeof *layout || stride < (int64_t)rows) return INVALID;
  return *layout = {type, (int64_t)rows, (int64_t)cols, stride}, OK;
}

API cublasLtMatmulPreferenceInit_internal(Preference* preference, size_t size) {
  if (size < sizeof *preference) return INVALID;
  return *preference = {0, {256, 256, 256, 256}}, OK;
}

API cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value, size_t bytes) {
  if (attribute == MOST_WORKSPACE && bytes == 8) return memcpy(&preference->workspace, value, bytes), OK;
  if (attribute < ALIGNMENT_A || attribute > ALIGNMENT_D || bytes != 4) return INVALID;
  return memcpy(&preference->alignments[attribute - ALIGNMENT_A], value, bytes), OK;
}

static bool fits(const Description& product, const Layout& a, const Layout& b, const Layout& d) {
  bool types = a.type == b.type && b.type == d.type && product.scale == F32;
  bool sums = product.compute == COMPUTE_F32 || (product.compute == COMPUTE_TF32 && a.type == F32);
  bool sizes = product.transposeA == 1 && a.rows == b.rows && a.cols == d.rows && b.cols == d.cols;
  return types && sums && sizes && product.epilogue == EPILOGUE_BIAS && product.bias;
}

// As of the real one, addresses that are not those of whole numbers of four bytes have no algorithm in 16 bits.
API cublasLtMatmulAlgoGetHeuristic(void*, const Description* product, const Layout* a, const Layout* b, const Layout* c,
                                   const Layout* d, const Preference* preference, int, Choice* choice, int* found) {
  if (!fits(*product, *a, *b, *d) || c != d) return INVALID;
  *found = 0;
  if (a->type != F32 && preference->alignments[0] % 4 != 0) return UNSUPPORTED;
  *choice = {{preference->alignments[0]}, 0, OK};
  return *found = 1, OK;
}

API cublasLtMatmul(void*, const Description* product, const float* alpha, const void* a, const Layout* layoutA,
                   const void* b, const Layout* layoutB, const float* beta, const void* c, const Layout*, void* d,
                   const Layout* layoutD, const uint64_t* algorithm, void*, size_t, void*) {
  uint64_t addresses = (uint64_t)a | (uint64_t)b | (uint64_t)d | (uint64_t)product->bias;
  if (!fits(*product, *layoutA, *layoutB, *layoutD) || *alpha != 1 || *beta != 0 || c != d) return INVALID;
  if (addresses % algorithm[0] != 0) return INVALID;
  multiply({a, layoutA->type, (int)layoutA->stride, true}, {b, layoutB->type, (int)layoutB->stride, false}, d,
           layoutD->type, (int)layoutD->stride, (int)layoutD->rows, (int)layoutD->cols, (int)layoutA->rows,
           product->compute == COMPUTE_TF32, false, product->bias);
  return OK;
}
