// The cpu backend's matrix products, for the emulated device.

#include "../../main/cpp/gemm.h"

static View view(const float* data, bool transpose, int rows, int cols) {
  return transpose ? transposed(data, rows) : plain(data, cols);
}

void multiply(float* c, const float* a, bool transposeA, const float* b, bool transposeB, int m, int n, int k, bool add) {
  if (!add) memset(c, 0, (int64_t)m * n * sizeof(float));
  gemm(m, n, k, view(a, transposeA, m, k), view(b, transposeB, k, n), {c, n, 1, true});
}
