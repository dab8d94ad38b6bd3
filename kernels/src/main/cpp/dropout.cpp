// y = x · keep / (1 − p): its own backward.
#pragma once

#include "philox.h"

// One row. x · 0 stays NaN where x is not finite: a bad value is not hidden by luck.
INLINE void dropoutRow(float* y, const float* x, int64_t cols, const RowKey& row, Dropout dropout) {
  alignas(64) uint32_t words[DRAWN];
  for (int64_t c = 0; c < cols; c += DRAWN) {
    int64_t n = least(DRAWN, cols - c);
    drawWords(words, c, n, row);
#pragma omp simd
    for (int64_t j = 0; j < n; j++) y[c + j] = x[c + j] * dropoutFactor(words[j], dropout);
  }
}

KERNEL void dropout(At<float> y, At<const float> x, int32_t threshold, float scale, int64_t key,
                    At<const int32_t> streams, At<const int32_t> positions, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    dropoutRow(y + r * cols, x + r * cols, cols, rowKey(streams[r], positions[r], 0, key),
               {(uint32_t)threshold, scale});
  }
}
