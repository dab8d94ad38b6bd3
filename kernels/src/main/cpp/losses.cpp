// Loss and gradient of each example in one pass, in double: rows are short and few.
#pragma once

#include <cmath>

#include "common.h"

INLINE double logSumExp(const float* x, int64_t n) {
  double top = x[0];
  for (int64_t c = 1; c < n; c++) top = x[c] > top ? x[c] : top;
  double sum = 0;
  for (int64_t c = 0; c < n; c++) sum += exp(x[c] - top);
  return top + log(sum);
}

// loss = −ln p[label], dLogits = scale · (p − onehot)
static void crossEntropy(At<float> loss, At<float> dLogits, At<const float> logits, At<const int32_t> labels,
                         float scale, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    const float* x = logits + r * cols;
    double lse = logSumExp(x, cols);
    loss[r] = (float)(lse - x[labels[r]]);
    if (!dLogits) continue;
    float* d = dLogits + r * cols;
    for (int64_t c = 0; c < cols; c++) d[c] = (float)(scale * (exp(x[c] - lse) - (c == labels[r])));
  }
}

// kl = Σ (p − q) · d, d = ln p − ln q; dP += scale · (p (d − KL(p‖q)) + p − q), dQ likewise with p and q exchanged
static void symmetricKl(At<float> kl, At<float> dP, At<float> dQ, At<const float> pLogits, At<const float> qLogits,
                        float scale, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    const float* x = pLogits + r * cols;
    const float* z = qLogits + r * cols;
    double lseP = logSumExp(x, cols), lseQ = logSumExp(z, cols);
    double klPQ = 0, klQP = 0;
    for (int64_t c = 0; c < cols; c++) {
      double lnP = x[c] - lseP, lnQ = z[c] - lseQ;
      klPQ += exp(lnP) * (lnP - lnQ);
      klQP += exp(lnQ) * (lnQ - lnP);
    }
    kl[r] = (float)(klPQ + klQP);
    for (int64_t c = 0; c < cols; c++) {
      double lnP = x[c] - lseP, lnQ = z[c] - lseQ;
      double p = exp(lnP), q = exp(lnQ), d = lnP - lnQ;
      if (dP) dP[r * cols + c] += (float)(scale * (p * (d - klPQ) + p - q));
      if (dQ) dQ[r * cols + c] += (float)(scale * (q * (-d - klQP) + q - p));
    }
  }
}

// loss = (x − target)², dx = 2 · scale · (x − target)
static void squaredError(At<float> loss, At<float> dx, At<const float> x, At<const float> target, float scale,
                         int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    double d = (double)x[r] - target[r];
    loss[r] = (float)(d * d);
    if (dx) dx[r] = (float)(2.0 * scale * d);
  }
}
