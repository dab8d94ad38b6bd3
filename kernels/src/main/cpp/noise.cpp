// y = x + z, z uniform in (−eps, eps) or normal with standard deviation eps.
#pragma once

#include "philox.h"
#include "vmath.h"

// −ln(1 − u), u the uniform of the word: with m · 2^e, m in [√½, √2), ln m = 2 (s + s³/3 + …), s = (m − 1) / (m + 1).
INLINE float minusLog(uint32_t word) {
  float rest = (float)((1 << 24) - (int32_t)(word >> 8)) * 0x1p-24f;  // 1 − u, exact and above 0
  int32_t bits = toBits(rest) - 0x3F3504F3;                          // √½
  int32_t e = bits >> 23;
  float m = fromBits((bits & 0x7FFFFF) + 0x3F3504F3);
  float s = (m - 1.0f) / (m + 1.0f);
  float z = s * s;
  float p = 1.0f / 9;
  p = p * z + 1.0f / 7;
  p = p * z + 1.0f / 5;
  p = p * z + 1.0f / 3;
  float small = 2.0f * (p * z * s + s);
  return -((float)e * 0.693147181f + small);
}

// sin and cos of 2π · (w >> 8) / 2^24: the nearest quarter turn exactly, Taylor for the rest.
INLINE void sinCosTurn(uint32_t word, float* sine, float* cosine) {
  int32_t turn = (int32_t)(word >> 8);
  int32_t quarter = (turn + (1 << 21)) >> 22;
  float f = (float)(turn - (quarter << 22)) * (1.57079633f * 0x1p-22f);
  float z = f * f;
  float s = 2.75573192e-6f;
  s = s * z - 1.98412698e-4f;
  s = s * z + 8.33333333e-3f;
  s = s * z - 1.66666667e-1f;
  s = s * z * f + f;
  float c = -2.75573192e-7f;
  c = c * z + 2.48015873e-5f;
  c = c * z - 1.38888889e-3f;
  c = c * z + 4.16666667e-2f;
  c = c * z - 0.5f;
  c = c * z + 1.0f;
  float a = quarter & 1 ? c : s;
  float b = quarter & 1 ? s : c;
  *sine = quarter & 2 ? -a : a;
  *cosine = (quarter + 1) & 2 ? -b : b;
}

INLINE void uniform(float* z, const uint32_t* words, int64_t n, float eps) {
#pragma omp simd
  for (int64_t j = 0; j < n; j++) z[j] = eps * (2.0f * ((float)(int32_t)(words[j] >> 8) * 0x1p-24f) - 1.0f);
}

// Box–Muller: words 0 and 1 of a counter give a cosine and a sine, words 2 and 3 the next. n is rounded up to 16.
INLINE void normal(float* z, const uint32_t* words, int64_t n, float eps) {
  for (int64_t half = 0; half < n; half += 16) {
#pragma omp simd
    for (int64_t j = half; j < half + 8; j++) {
      float radius = eps * sqrtf(2.0f * minusLog(words[j]));
      float sine, cosine;
      sinCosTurn(words[j + 8], &sine, &cosine);
      z[j] = radius * cosine;
      z[j + 8] = radius * sine;
    }
  }
}

KERNEL void addNoise(At<float> y, At<const float> x, bool gaussian, float eps, int64_t key, At<const int32_t> streams,
                     At<const int32_t> positions, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    RowKey row = rowKey(streams[r], positions[r], 0, key);
    for (int64_t c = 0; c < cols; c += DRAWN) {
      alignas(64) uint32_t words[DRAWN];
      alignas(64) float z[DRAWN];
      int64_t n = least(DRAWN, cols - c);
      drawWords(words, c, n, row);
      if (gaussian) {
        normal(z, words, n, eps);
      } else {
        uniform(z, words, n, eps);
      }
      const float* in = x + r * cols + c;
      float* out = y + r * cols + c;
#pragma omp simd
      for (int64_t j = 0; j < n; j++) out[j] = in[j] + z[j];
    }
  }
}
