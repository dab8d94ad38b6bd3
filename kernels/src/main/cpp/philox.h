// Philox4x32-10, bit for bit io.holdfast.kernels.Philox.
#pragma once

#include "common.h"

// Names the numbers of one row: all that the counter holds but the column.
struct RowKey {
  uint32_t position, stream, head, key0, key1;
};

INLINE RowKey rowKey(int32_t stream, int32_t position, int32_t head, int64_t key) {
  return {(uint32_t)position, (uint32_t)stream, (uint32_t)head, (uint32_t)key, (uint32_t)((uint64_t)key >> 32)};
}

// The words of columns 32·group to 32·group + 31: eight counters side by side, one per lane.
INLINE void philoxGroup(uint32_t* words, int64_t group, const RowKey& row) {
#pragma omp simd
  for (int lane = 0; lane < 8; lane++) {
    uint32_t c0 = (uint32_t)(group * 8) + lane, c1 = row.position, c2 = row.stream, c3 = row.head;
    uint32_t key0 = row.key0, key1 = row.key1;
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
      uint64_t product0 = (uint64_t)c0 * 0xD2511F53u;
      uint64_t product1 = (uint64_t)c2 * 0xCD9E8D57u;
      c0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
      c1 = (uint32_t)product1;
      c2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
      c3 = (uint32_t)product0;
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    words[lane] = c0;
    words[8 + lane] = c1;
    words[16 + lane] = c2;
    words[24 + lane] = c3;
  }
}

// Dropout as a factor: 0 below the threshold, else scale = 1 / (1 − p).
struct Dropout {
  uint32_t threshold;
  float scale;
};

// factors[0 … 32) of one group.
INLINE void dropoutGroup(float* factors, int64_t group, const RowKey& row, Dropout dropout) {
  alignas(64) uint32_t words[32];
  philoxGroup(words, group, row);
#pragma omp simd
  for (int j = 0; j < 32; j++) factors[j] = words[j] >= dropout.threshold ? dropout.scale : 0.0f;
}
