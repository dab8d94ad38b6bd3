// LayerNorm over rows, alone and at the end of a post-LN block: s = residual + dropout(x), y = layerNorm(s).
#pragma once

#include <cmath>

#include "dropout.cpp"

// y = (x − mean) · rstd · gamma + beta; the variance in a second pass, about the mean.
INLINE void layerNormRow(float* y, float* mean, float* rstd, const float* x, const float* gamma, const float* beta,
                         float eps, int64_t cols) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < cols; c++) sum += x[c];
  float mu = sum / cols;
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t c = 0; c < cols; c++) squares += (x[c] - mu) * (x[c] - mu);
  // A row too large to square is not a constant one: what it gives must not look finite.
  float r = squares < INFINITY ? 1.0f / sqrtf(squares / cols + eps) : NAN;
#pragma omp simd
  for (int64_t c = 0; c < cols; c++) y[c] = (x[c] - mu) * r * gamma[c] + beta[c];
  *mean = mu;
  *rstd = r;
}

KERNEL void layerNorm(At<float> y, At<float> mean, At<float> rstd, At<const float> x, At<const float> gamma,
                      At<const float> beta, float eps, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    layerNormRow(y + r * cols, mean + r, rstd + r, x + r * cols, gamma, beta, eps, cols);
  }
}

// dx = rstd · (g − avg(g) − n · avg(g·n)), n = (x − mean) · rstd, g = dy · gamma
INLINE void layerNormBackwardRow(float* dx, const float* dy, const float* x, float mean, float rstd,
                                 const float* gamma, int64_t cols) {
  float sumG = 0, sumGN = 0;
#pragma omp simd reduction(+ : sumG, sumGN)
  for (int64_t c = 0; c < cols; c++) {
    float g = dy[c] * gamma[c];
    sumG += g;
    sumGN += g * ((x[c] - mean) * rstd);
  }
  float avgG = sumG / cols, avgGN = sumGN / cols;
#pragma omp simd
  for (int64_t c = 0; c < cols; c++) {
    dx[c] = rstd * (dy[c] * gamma[c] - avgG - (x[c] - mean) * rstd * avgGN);
  }
}

KERNEL void layerNormBackward(At<float> dx, At<const float> dy, At<const float> x, At<const float> mean,
                              At<const float> rstd, At<const float> gamma, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    layerNormBackwardRow(dx + r * cols, dy + r * cols, x + r * cols, mean[r], rstd[r], gamma, cols);
  }
}

// Columns from … to: dGamma += Σ dy · n, dBeta += Σ dy, in blocks of rows.
KERNEL void layerNormBackwardParameters(At<float> dGamma, At<float> dBeta, At<const float> dy, At<const float> x,
                                        At<const float> mean, At<const float> rstd, int64_t rows, int64_t cols,
                                        int64_t from, int64_t to) {
  const int64_t strip = 128, block = 64;
  for (int64_t c = from; c < to; c += strip) {
    int64_t n = least(strip, to - c);
    float totalGamma[strip] = {}, totalBeta[strip] = {};
    for (int64_t top = 0; top < rows; top += block) {
      float sumGamma[strip] = {}, sumBeta[strip] = {};
      for (int64_t r = top; r < least(top + block, rows); r++) {
        const float* dyRow = dy + r * cols + c;
        const float* xRow = x + r * cols + c;
        float mu = mean[r], scale = rstd[r];
#pragma omp simd
        for (int64_t j = 0; j < n; j++) {
          sumGamma[j] += dyRow[j] * ((xRow[j] - mu) * scale);
          sumBeta[j] += dyRow[j];
        }
      }
#pragma omp simd
      for (int64_t j = 0; j < n; j++) {
        totalGamma[j] += sumGamma[j];
        totalBeta[j] += sumBeta[j];
      }
    }
    float* gammaOut = dGamma + c;
    float* betaOut = dBeta + c;
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
      gammaOut[j] += totalGamma[j];
      betaOut[j] += totalBeta[j];
    }
  }
}

KERNEL void dropoutAddLayerNorm(At<float> y, At<float> s, At<float> mean, At<float> rstd, At<const float> x,
                                At<const float> residual, At<const float> gamma, At<const float> beta, float eps,
                                int32_t threshold, float scale, int64_t key, At<const int32_t> streams,
                                At<const int32_t> positions, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    float* sum = s + r * cols;
    const float* skip = residual + r * cols;
    const float* in = x + r * cols;
    if (threshold != 0) {
      dropoutRow(sum, in, cols, rowKey(streams[r], positions[r], 0, key), {(uint32_t)threshold, scale});
      in = sum;
    }
#pragma omp simd
    for (int64_t c = 0; c < cols; c++) sum[c] = in[c] + skip[c];
    layerNormRow(y + r * cols, mean + r, rstd + r, sum, gamma, beta, eps, cols);
  }
}

KERNEL void dropoutAddLayerNormBackward(At<float> dx, At<float> dResidual, At<const float> dy, At<const float> s,
                                        At<const float> mean, At<const float> rstd, At<const float> gamma,
                                        int32_t threshold, float scale, int64_t key, At<const int32_t> streams,
                                        At<const int32_t> positions, int64_t cols, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++) {
    float* d = dResidual + r * cols;
    layerNormBackwardRow(d, dy + r * cols, s + r * cols, mean[r], rstd[r], gamma, cols);
    if (threshold != 0) {
      dropoutRow(dx + r * cols, d, cols, rowKey(streams[r], positions[r], 0, key), {(uint32_t)threshold, scale});
    } else {
      memcpy(dx + r * cols, d, cols * sizeof(float));
    }
  }
}
