// Matrix products: oneDNN under fixed partitions.
#pragma once

#include <oneapi/dnnl/dnnl.h>

// Row-major c[m,n] = op(a) · op(b) + beta · c.
static void sgemm(bool trans_a, bool trans_b, long m, long n, long k, const float* a, long lda, const float* b,
                  long ldb, float beta, float* c, long ldc) {
  dnnl_sgemm(trans_a ? 'T' : 'N', trans_b ? 'T' : 'N', m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
}
