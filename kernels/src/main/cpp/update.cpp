// The optimiser: Σ x² for clipping, AdamW, and y = a · x + b · y.
#pragma once

#include <cmath>

#include "common.h"

KERNEL double sumOfSquares(At<const float> x, int64_t from, int64_t to) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = from; i < to; i++) sum += (double)x[i] * (double)x[i];
  return sum;
}

// decay = lr·wd; w ← w − (decay·w + rate·m / (root·√v + epsilon)): rate and root hold the bias corrections. A decay below
// the roundoff of 1 would be lost in 1 − decay.
KERNEL void adamw(At<float> w, At<float> m, At<float> v, At<const float> g, float gradientScale, float beta1,
                  float oneMinusBeta1, float beta2, float oneMinusBeta2, float decay, float rate, float root,
                  float epsilon, int64_t from, int64_t to) {
#pragma omp simd
  for (int64_t i = from; i < to; i++) {
    float gradient = gradientScale * g[i];
    float first = beta1 * m[i] + oneMinusBeta1 * gradient;
    float second = beta2 * v[i] + oneMinusBeta2 * gradient * gradient;
    m[i] = first;
    v[i] = second;
    w[i] -= decay * w[i] + rate * first / (root * sqrtf(second) + epsilon);
  }
}

KERNEL void axpby(At<float> y, float a, At<const float> x, float b, int64_t from, int64_t to) {
#pragma omp simd
  for (int64_t i = from; i < to; i++) y[i] = a * x[i] + b * y[i];
}
