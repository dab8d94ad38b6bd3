// d = delta + step · g / (‖g‖ + floor), then onto the ball of the radius, each sequence on its own.
#pragma once

#include <cmath>

#include "common.h"

// A NaN among x may be missed: it stays in the step, where NaN times anything is NaN.
INLINE double sizeOf(const float* x, int64_t n, bool l2) {
  double sum = 0;
  float top = 0;
  if (l2) {
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
  }
#pragma omp simd reduction(max : top)
  for (int64_t i = 0; i < n; i++) top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
  return top;
}

KERNEL void ascend(At<float> delta, At<const float> g, At<const int32_t> starts, bool l2, float step, float floor,
                   float radius, int64_t cols, int64_t from, int64_t to) {
  for (int64_t b = from; b < to; b++) {
    float* d = delta + starts[b] * cols;
    const float* slope = g + starts[b] * cols;
    int64_t n = (starts[b + 1] - starts[b]) * cols;
    double size = sizeOf(slope, n, l2) + floor;
    double factor = size > 0 ? step / size : size;  // 0, or NaN
#pragma omp simd
    for (int64_t i = 0; i < n; i++) d[i] = (float)(d[i] + factor * slope[i]);
    if (!l2) {
#pragma omp simd
      for (int64_t i = 0; i < n; i++) d[i] = d[i] > radius ? radius : d[i] < -radius ? -radius : d[i];
      continue;
    }
    double distance = sizeOf(d, n, l2);
    if (distance > radius) {
      double shrink = radius / distance;
#pragma omp simd
      for (int64_t i = 0; i < n; i++) d[i] = (float)(d[i] * shrink);
    }
  }
}
