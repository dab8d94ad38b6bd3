// Rows of tables: y[r] = table[ids[r]], its backward, and the sum of the three embeddings.
#pragma once

#include <cstring>

#include "common.h"

// The first r in from … to whose id names no row of the table, or −1.
static int64_t firstBadId(At<const int32_t> ids, int64_t tableRows, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    if (ids[r] < 0 || ids[r] >= tableRows) return r;
  }
  return -1;
}

static void gather(At<float> y, At<const float> table, At<const int32_t> ids, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) memcpy(y + r * cols, table + ids[r] * cols, cols * sizeof(float));
}

// Columns from … to of every row: rows of equal id add in ascending r whatever the partition.
KERNEL void gatherBackward(At<float> dTable, At<const float> dy, At<const int32_t> ids, int64_t rows, int64_t cols,
                           int64_t from, int64_t to) {
  for (int64_t r = 0; r < rows; r++) {
    float* out = dTable + ids[r] * cols;
    const float* in = dy + r * cols;
#pragma omp simd
    for (int64_t c = from; c < to; c++) out[c] += in[c];
  }
}

KERNEL void embeddingSum(At<float> y, At<const float> words, At<const float> positionTable,
                         At<const int32_t> positions, At<const float> typeTable, At<const int32_t> types, int64_t cols,
                         int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    const float* word = words + r * cols;
    const float* position = positionTable + positions[r] * cols;
    const float* type = typeTable + types[r] * cols;
    float* out = y + r * cols;
#pragma omp simd
    for (int64_t c = 0; c < cols; c++) out[c] = word[c] + position[c] + type[c];
  }
}
