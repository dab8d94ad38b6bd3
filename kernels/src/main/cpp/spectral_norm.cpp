// W over its largest singular value, which power iteration estimates, and the backward. Sums in double, one thread: it is
// a head's matrix, read a few times an update.
#pragma once

#include <cmath>

#include "common.h"

INLINE double innerProduct(const float* a, const float* b, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

// x / max(‖x‖, 1e-12)
INLINE void normalize(float* x, int64_t n) {
  double norm = sqrt(innerProduct(x, x, n));
  if (norm < 1e-12) norm = 1e-12;
  for (int64_t i = 0; i < n; i++) x[i] = (float)(x[i] / norm);
}

// v = Wᵀ · u
INLINE void combineRows(float* v, const float* w, const float* u, int64_t rows, int64_t cols) {
  const int64_t strip = 64;
  for (int64_t c = 0; c < cols; c += strip) {
    int64_t n = least(strip, cols - c);
    double sums[strip] = {};
    for (int64_t r = 0; r < rows; r++) {
      const float* row = w + r * cols + c;
      double factor = u[r];
#pragma omp simd
      for (int64_t j = 0; j < n; j++) sums[j] += factor * row[j];
    }
    for (int64_t j = 0; j < n; j++) v[c + j] = (float)sums[j];
  }
}

// iterations times v = normalize(Wᵀu), u = normalize(Wv); then sigma = uᵀWv and y = W / sigma, or W / max(1, sigma)
KERNEL void spectralNorm(At<float> y, At<float> sigma, At<float> u, At<float> v, At<const float> w, int iterations,
                         bool atMostOne, int64_t rows, int64_t cols) {
  for (int i = 0; i < iterations; i++) {
    combineRows(v, w, u, rows, cols);
    normalize(v, cols);
    for (int64_t r = 0; r < rows; r++) u[r] = (float)innerProduct(w + r * cols, v, cols);
    normalize(u, rows);
  }
  double sum = 0;
  for (int64_t r = 0; r < rows; r++) sum += u[r] * innerProduct(w + r * cols, v, cols);
  sigma[0] = (float)sum;
  float divisor = atMostOne && sigma[0] <= 1 ? 1 : sigma[0];  // NaN stays
  const float* in = w;
  float* out = y;
#pragma omp simd
  for (int64_t i = 0; i < rows * cols; i++) out[i] = in[i] / divisor;
}

// dw += (dy − <dy, y> · u vᵀ) / sigma, or dy where nothing was divided
KERNEL void spectralNormBackward(At<float> dw, At<const float> dy, At<const float> y, At<const float> sigma,
                                 At<const float> u, At<const float> v, bool atMostOne, int64_t rows, int64_t cols) {
  bool divided = !(atMostOne && sigma[0] <= 1);
  float divisor = divided ? sigma[0] : 1;
  double inner = 0;
  for (int64_t r = 0; r < rows && divided; r++) inner += innerProduct(dy + r * cols, y + r * cols, cols);
  for (int64_t r = 0; r < rows; r++) {
    const float* up = dy + r * cols;
    const float* right = v;
    float* out = dw + r * cols;
    float left = (float)(inner * u[r]);
#pragma omp simd
    for (int64_t c = 0; c < cols; c++) out[c] += (up[c] - left * right[c]) / divisor;
  }
}
