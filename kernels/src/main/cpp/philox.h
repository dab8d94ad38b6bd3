// Philox4x32-10, bit for bit io.holdfast.kernels.Philox.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "common.h"

// Names the numbers of one row: all that the counter holds but the column.
struct RowKey {
  uint32_t position, stream, head, key0, key1;
};

INLINE RowKey rowKey(int32_t stream, int32_t position, int32_t head, int64_t key) {
  return {(uint32_t)position, (uint32_t)stream, (uint32_t)head, (uint32_t)key, (uint32_t)((uint64_t)key >> 32)};
}

static const uint32_t MULTIPLIER_0 = 0xD2511F53u, MULTIPLIER_1 = 0xCD9E8D57u;
static const uint32_t WEYL_0 = 0x9E3779B9u, WEYL_1 = 0xBB67AE85u;

// Words of `groups` groups of 32 columns from column 32 · first on: a group has eight counters, lane by lane.
static void drawAnywhere(uint32_t* words, int64_t first, int64_t groups, const RowKey& row) {
  for (int64_t g = 0; g < groups; g++, words += 32) {
    for (int lane = 0; lane < 8; lane++) {
      uint32_t c0 = (uint32_t)(first + g) * 8 + lane, c1 = row.position, c2 = row.stream, c3 = row.head;
      uint32_t key0 = row.key0, key1 = row.key1;
      for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)c0 * MULTIPLIER_0, product1 = (uint64_t)c2 * MULTIPLIER_1;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
        c3 = (uint32_t)product0;
        key0 += WEYL_0;
        key1 += WEYL_1;
      }
      words[lane] = c0;
      words[8 + lane] = c1;
      words[16 + lane] = c2;
      words[24 + lane] = c3;
    }
  }
}

#if defined(__x86_64__)
// The same with four counters to a vector, each word in the low half of 64 bits, where the multiplication wants it;
// the high halves hold what is left over. Compilers do not find this form: it is 4 times as fast as theirs.
__attribute__((target("avx2"))) static void drawAvx2(uint32_t* words, int64_t first, int64_t groups,
                                                     const RowKey& row) {
  const __m256i multiplier0 = _mm256_set1_epi64x(MULTIPLIER_0), multiplier1 = _mm256_set1_epi64x(MULTIPLIER_1);
  for (int64_t g = 0; g < groups; g++, words += 32) {
    uint32_t block = (uint32_t)(first + g) * 8;
    __m256i c[2][4];  // even counters, odd counters
    for (int h = 0; h < 2; h++) {
      c[h][0] = _mm256_set_epi64x(block + 6 + h, block + 4 + h, block + 2 + h, block + h);
      c[h][1] = _mm256_set1_epi64x(row.position);
      c[h][2] = _mm256_set1_epi64x(row.stream);
      c[h][3] = _mm256_set1_epi64x(row.head);
    }
    uint32_t key0 = row.key0, key1 = row.key1;
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
      __m256i k0 = _mm256_set1_epi64x(key0), k1 = _mm256_set1_epi64x(key1);
#pragma GCC unroll 2
      for (int h = 0; h < 2; h++) {
        __m256i product0 = _mm256_mul_epu32(c[h][0], multiplier0), product1 = _mm256_mul_epu32(c[h][2], multiplier1);
        c[h][0] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product1, 32), c[h][1]), k0);
        c[h][1] = product1;
        c[h][2] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product0, 32), c[h][3]), k1);
        c[h][3] = product0;
      }
      key0 += WEYL_0;
      key1 += WEYL_1;
    }
    for (int w = 0; w < 4; w++) {
      __m256i both = _mm256_blend_epi32(c[0][w], _mm256_slli_epi64(c[1][w], 32), 0xAA);
      _mm256_storeu_si256((__m256i*)(words + 8 * w), both);
    }
  }
}
#endif

typedef void Draw(uint32_t*, int64_t, int64_t, const RowKey&);

static Draw* drawFor(bool anyProcessor) {
#if defined(__x86_64__)
  if (!anyProcessor && __builtin_cpu_supports("avx2")) return drawAvx2;
#endif
  return drawAnywhere;
}

static Draw* bestDraw = drawFor(false);

// Random numbers are drawn for so many columns at a time.
static const int64_t DRAWN = 512;

// Words of the columns from `column`, a multiple of 32, on: `cols` of them, rounded up to whole groups.
INLINE void drawWords(uint32_t* words, int64_t column, int64_t cols, const RowKey& row) {
  bestDraw(words, column / 32, (cols + 31) / 32, row);
}

// Dropout as a factor: 0 below the threshold, else scale = 1 / (1 − p).
struct Dropout {
  uint32_t threshold;
  float scale;
};

INLINE float dropoutFactor(uint32_t word, Dropout dropout) { return word >= dropout.threshold ? dropout.scale : 0.0f; }
