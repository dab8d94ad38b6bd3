// What the emulated libraries of products share: matrices of fp32, fp16 or bf16, column by column, and the cpu backend's
// products of them, sums in fp32.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "../../main/cpp/gemm.h"

#define API extern "C" __attribute__((visibility("default"))) int

static const int OK = 0, INVALID = 7, UNSUPPORTED = 15, F32 = 0, F16 = 2, COMPUTE_F32 = 68, COMPUTE_TF32 = 77;

// The transpose of a column-major matrix, or of its transpose, as what lies there row by row.
static View view(const std::vector<float>& data, int transpose, int stride) {
  return transpose ? transposed(data.data(), stride) : plain(data.data(), stride);
}

static float fromType(const void* data, size_t i, int type) {
  if (type == F32) return ((const float*)data)[i];
  if (type == F16) return (float)((const _Float16*)data)[i];
  uint32_t bits = (uint32_t)((const uint16_t*)data)[i] << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void toType(void* data, size_t i, int type, float x) {
  if (type == F32) {
    ((float*)data)[i] = x;
  } else if (type == F16) {
    ((_Float16*)data)[i] = (_Float16)x;
  } else {
    uint32_t bits;
    memcpy(&bits, &x, sizeof x);
    ((uint16_t*)data)[i] = x != x ? 0x7FFF : (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
  }
}

// A matrix of columns one after the other in fp32, for tf32 with every element rounded to eleven bits.
static std::vector<float> unpacked(const void* data, int rows, int cols, int stride, int type, bool tf32) {
  std::vector<float> copy((size_t)cols * stride);
  for (int c = 0; c < cols; c++) {
    for (int r = 0; r < rows; r++) {
      size_t i = (size_t)c * stride + r;
      float x = fromType(data, i, type);
      uint32_t bits;
      memcpy(&bits, &x, sizeof bits);
      bool finite = (bits & 0x7F800000) != 0x7F800000;
      if (tf32 && finite) bits = (bits + 0x1000) & 0xFFFFE000;
      memcpy(&copy[i], &bits, sizeof bits);
    }
  }
  return copy;
}

struct Matrix {
  const void* data;
  int type, stride;
  bool transposed;
};

// c[m,n] = op(a) · op(b) + bias, or + the old c if `add`; so row by row cᵀ = op(b)ᵀ · op(a)ᵀ. A bias is a column.
static void multiply(const Matrix& a, const Matrix& b, void* c, int typeC, int ldc, int m, int n, int k, bool tf32,
                     bool add, const void* bias) {
  std::vector<float> left = unpacked(a.data, a.transposed ? k : m, a.transposed ? m : k, a.stride, a.type, tf32);
  std::vector<float> right = unpacked(b.data, b.transposed ? n : k, b.transposed ? k : n, b.stride, b.type, tf32);
  std::vector<float> product = unpacked(c, m, n, ldc, typeC, false);
  for (int i = 0; i < n * m && !add; i++) {
    product[(size_t)(i / m) * ldc + i % m] = bias ? fromType(bias, i % m, typeC) : 0;
  }
  gemm(n, m, k, view(right, b.transposed, b.stride), view(left, a.transposed, a.stride),
       {product.data(), ldc, 1, true});
  for (int i = 0; i < n * m; i++) {
    size_t at = (size_t)(i / m) * ldc + i % m;
    toType(c, at, typeC, product[at]);
  }
}
