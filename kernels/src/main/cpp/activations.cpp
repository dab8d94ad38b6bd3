// gelu(x + b) with the exact Φ, and tanh.
#pragma once

#include "vmath.h"

// y = t · Φ(t), t = x + b
KERNEL void biasGelu(At<float> y, At<const float> x, At<const float> b, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    const float* in = x + r * cols;
    float* out = y + r * cols;
#pragma omp simd
    for (int64_t c = 0; c < cols; c++) {
      float t = in[c] + b[c], bell;
      out[c] = t * normalCdf(t, &bell);
    }
  }
}

// dx = dy · (Φ(t) + t · φ(t)), φ(t) = e^(−t²/2) / √(2π)
KERNEL void biasGeluBackward(At<float> dx, At<const float> dy, At<const float> x, At<const float> b, int64_t cols,
                             int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    const float* in = x + r * cols;
    const float* up = dy + r * cols;
    float* out = dx + r * cols;
#pragma omp simd
    for (int64_t c = 0; c < cols; c++) {
      float t = in[c] + b[c], bell;
      float cdf = normalCdf(t, &bell);
      out[c] = up[c] * (cdf + t * bell * 0.398942280f);
    }
  }
}

KERNEL void tanhForward(At<float> y, At<const float> x, int64_t from, int64_t to) {
#pragma omp simd
  for (int64_t i = from; i < to; i++) y[i] = fastTanh(x[i]);
}

// dx = dy · (1 − y²)
KERNEL void tanhBackward(At<float> dx, At<const float> dy, At<const float> y, int64_t from, int64_t to) {
#pragma omp simd
  for (int64_t i = from; i < to; i++) dx[i] = dy[i] * (1.0f - y[i] * y[i]);
}
