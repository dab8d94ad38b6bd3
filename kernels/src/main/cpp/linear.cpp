// y = x · wᵀ + b and its backward, a block of the output at a time.
#pragma once

#include "gemm_bf16.h"

INLINE void multiply(bool bf16, Tokens tokens, int64_t m, int64_t n, int64_t k, const View& a, const View& b,
                     const Output& c) {
  bf16 ? gemmBf16(tokens, m, n, k, a, b, c) : gemm(m, n, k, a, b, c);
}

// y[rowFrom … rowTo, colFrom … colTo)
static void linear(At<float> y, At<const float> x, At<const float> w, At<const float> b, bool bf16,
                   int64_t in, int64_t out, int64_t rowFrom, int64_t rowTo, int64_t colFrom, int64_t colTo) {
  if (b) {
    for (int64_t r = rowFrom; r < rowTo; r++) {
      memcpy(y + r * out + colFrom, b + colFrom, (colTo - colFrom) * sizeof(float));
    }
  }
  multiply(bf16, Tokens::ROWS, rowTo - rowFrom, colTo - colFrom, in, plain(x + rowFrom * in, in),
           transposed(w + colFrom * in, in), {y + rowFrom * out + colFrom, out, 1, b.pointer != nullptr});
}

// dx[rowFrom … rowTo, colFrom … colTo) = dy · w
static void linearBackwardInput(At<float> dx, At<const float> dy, At<const float> w, bool add, bool bf16, int64_t in, int64_t out,
                                int64_t rowFrom, int64_t rowTo, int64_t colFrom, int64_t colTo) {
  multiply(bf16, Tokens::ROWS, rowTo - rowFrom, colTo - colFrom, out, plain(dy + rowFrom * out, out),
           plain(w + colFrom, in), {dx + rowFrom * in + colFrom, in, 1, add});
}

// dw[rowFrom … rowTo, colFrom … colTo) += dyᵀ · x
static void linearBackwardWeight(At<float> dw, At<const float> dy, At<const float> x, bool bf16, int64_t rows, int64_t in,
                                 int64_t out, int64_t rowFrom, int64_t rowTo, int64_t colFrom, int64_t colTo) {
  multiply(bf16, Tokens::DEPTH, rowTo - rowFrom, colTo - colFrom, rows, transposed(dy + rowFrom, out),
           plain(x + colFrom, in), {dw + rowFrom * in + colFrom, in, 1, true});
}

// db[from … to) += Σ_rows dy, in blocks of rows so that long sums stay exact.
KERNEL void addColumnSums(At<float> db, At<const float> dy, int64_t rows, int64_t cols, int64_t from, int64_t to) {
  const int64_t strip = 256, block = 64;
  for (int64_t c = from; c < to; c += strip) {
    int64_t n = least(strip, to - c);
    float total[strip] = {};
    for (int64_t top = 0; top < rows; top += block) {
      float sum[strip] = {};
      for (int64_t r = top; r < least(top + block, rows); r++) {
        const float* row = dy + r * cols + c;
#pragma omp simd
        for (int64_t j = 0; j < n; j++) sum[j] += row[j];
      }
#pragma omp simd
      for (int64_t j = 0; j < n; j++) total[j] += sum[j];
    }
    float* out = db + c;
#pragma omp simd
    for (int64_t j = 0; j < n; j++) out[j] += total[j];
  }
}
