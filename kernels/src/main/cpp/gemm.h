// Matrix products: oneDNN, one thread per call.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include "common.h"

extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int);

// oneDNN is built on OpenMP, whose thread count is a property of the calling thread: one while this object lives.
struct OneThread {
  const int before = omp_get_max_threads();
  OneThread() {
    if (before != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before != 1) omp_set_num_threads(before);
  }
};

// Row-major c[m,n] = alpha · op(a) · op(b) + beta · c.
INLINE void gemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
                 const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m > 0 && n > 0) {
    dnnl_sgemm(transA ? 'T' : 'N', transB ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
}
