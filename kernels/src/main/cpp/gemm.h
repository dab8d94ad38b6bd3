// Matrix products in fp32, one thread per call. Each element of the result is one chain of multiply-adds over blocks
// of K that are fixed, so its bits depend neither on the rest of the matrix nor on who computes which part.
//
//   for blocks of K, for blocks of N:  pack op(b) into panels of a tile's columns
//     for blocks of M:                 (op(a) stays in L2, packed into panels of rows)
//       for panels of b:               (stays in L1)
//         for panels of a:             a tile of the result in registers
#pragma once

#include <cstring>

#include "common.h"

static const int64_t BLOCK_K = 256;
static const int64_t BLOCK_N = 512;
static const int64_t BLOCK_M = 96;
static const int64_t PACK_FROM = 128;  // columns for which packing pays

// Packed blocks of both factors.
alignas(64) static thread_local float packedA[BLOCK_M * BLOCK_K + 8];
alignas(64) static thread_local float packedB[BLOCK_K * BLOCK_N];

// A matrix or its transpose: element (i, j) at data[i · rowStride + j · colStride], one of the strides being 1.
struct View {
  const float* data;
  int64_t rowStride, colStride;
};

INLINE View plain(const float* data, int64_t stride) { return {data, stride, 1}; }
INLINE View transposed(const float* data, int64_t stride) { return {data, 1, stride}; }
INLINE View part(const View& m, int64_t i, int64_t j) {
  return {m.data + i * m.rowStride + j * m.colStride, m.rowStride, m.colStride};
}

// c = alpha · product, plus the old c if add.
struct Output {
  float* data;
  int64_t stride;
  float alpha;
  bool add;
};

// W floats, at any address.
template <int W>
struct Floats {
  typedef float vector __attribute__((vector_size(W * 4), aligned(4), may_alias));
  typedef int32_t index __attribute__((vector_size(W * 4)));
};

// c[M, 2W] (+)= alpha · a · b with a[i][p] = a[i · rowStride + p · colStride] and b packed: all of k in registers.
template <int M, int W>
INLINE void tile(int64_t k, const float* a, int64_t rowStride, int64_t colStride, const float* b, const Output& c) {
  typedef typename Floats<W>::vector V;
  V low[M], high[M];
#pragma GCC unroll 16
  for (int i = 0; i < M; i++) {
    low[i] = high[i] = V{};
    __builtin_prefetch(c.data + i * c.stride, 1);
    __builtin_prefetch(c.data + i * c.stride + 2 * W - 1, 1);
  }
#pragma GCC unroll 4  // fewer jumps: they cost most where another process shares the core
  for (int64_t p = 0; p < k; p++) {
    V b0 = *(const V*)b, b1 = *(const V*)(b + W);
#pragma GCC unroll 16
    for (int i = 0; i < M; i++) {
      float s = a[i * rowStride];
      low[i] += s * b0;
      high[i] += s * b1;
    }
    a += colStride;
    b += 2 * W;
  }
#pragma GCC unroll 16
  for (int i = 0; i < M; i++) {
    V* out0 = (V*)(c.data + i * c.stride);
    V* out1 = (V*)(c.data + i * c.stride + W);
    *out0 = c.add ? *out0 + c.alpha * low[i] : c.alpha * low[i];
    *out1 = c.add ? *out1 + c.alpha * high[i] : c.alpha * high[i];
  }
}

// The last m < 8 rows of a panel, by powers of two: each element is the same chain as in a whole tile.
template <int M, int W>
INLINE void lastRows(int64_t m, int64_t k, const float* a, int64_t rowStride, int64_t colStride, const float* b,
                     Output c) {
  if (m >= M) {
    tile<M, W>(k, a, rowStride, colStride, b, c);
    a += M * rowStride;
    c.data += M * c.stride;
    m -= M;
  }
  if constexpr (M > 1) lastRows<M / 2, W>(m, k, a, rowStride, colStride, b, c);
}

// Rows of a panel by n columns of c: whole, or through a buffer where columns are missing.
template <int M, int W>
INLINE void anyTile(int64_t m, int64_t n, int64_t k, const float* a, int64_t rowStride, int64_t colStride,
                    const float* b, const Output& c) {
  if (m == M && n == 2 * W) {
    tile<M, W>(k, a, rowStride, colStride, b, c);
  } else if (n == 2 * W) {
    lastRows<4, W>(m, k, a, rowStride, colStride, b, c);
  } else {
    float buffer[M * 2 * W];
    anyTile<M, W>(m, 2 * W, k, a, rowStride, colStride, b, {buffer, 2 * W, c.alpha, false});
    for (int64_t i = 0; i < m; i++) {
      float* row = c.data + i * c.stride;
      for (int64_t j = 0; j < n; j++) row[j] = c.add ? row[j] + buffer[i * 2 * W + j] : buffer[i * 2 * W + j];
    }
  }
}

#if defined(__clang__) || __GNUC__ >= 12
#define MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(a, b, ...) __builtin_shuffle(a, b, (Floats<8>::index){__VA_ARGS__})
#endif

// to[p][j] = from[j][p] for 8 × 8 floats, in registers: pairs, quadruples, halves. Rows from[n …] repeat the last; rows
// of `to` are written in order, so they may overlap by what is not wanted.
INLINE void transpose8(float* to, int64_t toStride, const float* from, int64_t fromStride, int64_t n) {
  typedef Floats<8>::vector V;
  V in[8], pairs[8], quads[8];
#pragma GCC unroll 8
  for (int j = 0; j < 8; j++) in[j] = *(const V*)(from + least(j, n - 1) * fromStride);
#pragma GCC unroll 4
  for (int j = 0; j < 8; j += 2) {
    pairs[j] = MIX(in[j], in[j + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[j + 1] = MIX(in[j], in[j + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma GCC unroll 2
  for (int j = 0; j < 8; j += 4) {
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++) {
      quads[j + 2 * h] = MIX(pairs[j + h], pairs[j + 2 + h], 0, 1, 8, 9, 4, 5, 12, 13);
      quads[j + 2 * h + 1] = MIX(pairs[j + h], pairs[j + 2 + h], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < 4; p++) {
    *(V*)(to + p * toStride) = MIX(quads[p], quads[p + 4], 0, 1, 2, 3, 8, 9, 10, 11);
  }
#pragma GCC unroll 4
  for (int p = 0; p < 4; p++) {
    *(V*)(to + (p + 4) * toStride) = MIX(quads[p], quads[p + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// A panel of b: k rows of N floats, of which the last N − n are 0.
template <int N>
INLINE void packColumns(float* to, const View& b, int64_t k, int64_t n) {
  if (n < N) memset(to, 0, k * N * sizeof(float));
  if (b.colStride == 1) {
    if (n == N) {
      for (int64_t p = 0; p < k; p++) memcpy(to + p * N, b.data + p * b.rowStride, N * sizeof(float));
    } else {
      for (int64_t p = 0; p < k; p++) memcpy(to + p * N, b.data + p * b.rowStride, n * sizeof(float));
    }
    return;
  }
  int64_t j = 0;
  for (; j + 8 <= n; j += 8) {
    const float* from = b.data + j * b.colStride;
    int64_t p = 0;
    for (; p + 8 <= k; p += 8) transpose8(to + p * N + j, N, from + p, b.colStride, 8);
    for (; p < k; p++) {
      for (int64_t c = 0; c < 8; c++) to[p * N + j + c] = from[c * b.colStride + p];
    }
  }
  for (; j < n; j++) {
    for (int64_t p = 0; p < k; p++) to[p * N + j] = b.data[p + j * b.colStride];
  }
}

// A block of a in panels of M rows: k columns of M floats each. Writes up to 8 floats beyond.
template <int M>
INLINE void packRows(float* to, const View& a, int64_t m, int64_t k) {
  for (int64_t i = 0; i < m; i += M) {
    int64_t rows = least(M, m - i);
    float* panel = to + i * k;
    View from = part(a, i, 0);
    if (a.colStride == 1) {
      int64_t p = 0;
      for (; p + 8 <= k; p += 8) transpose8(panel + p * M, M, from.data + p, from.rowStride, rows);
      for (; p < k; p++) {
        for (int64_t r = 0; r < rows; r++) panel[p * M + r] = from.data[r * from.rowStride + p];
      }
    } else if (rows == M) {
      for (int64_t p = 0; p < k; p++) memcpy(panel + p * M, from.data + p * from.colStride, M * sizeof(float));
    } else {
      for (int64_t p = 0; p < k; p++) memcpy(panel + p * M, from.data + p * from.colStride, rows * sizeof(float));
    }
  }
}

// A block of c from one block of each factor.
template <int M, int W>
INLINE void blockProduct(int64_t m, int64_t n, int64_t k, const View& a, const Output& c) {
  const int N = 2 * W;
  bool pack = a.colStride != 1 || n >= PACK_FROM;  // a plain one can be read where it lies
  if (pack) packRows<M>(packedA, a, m, k);
  for (int64_t j = 0; j < n; j += N) {
    for (int64_t i = 0; i < m; i += M) {
      const float* panel = pack ? packedA + i * k : a.data + i * a.rowStride;
      anyTile<M, W>(least(M, m - i), least(N, n - j), k, panel, pack ? 1 : a.rowStride, pack ? M : 1,
                    packedB + j * k, {c.data + i * c.stride + j, c.stride, c.alpha, c.add});
    }
  }
}

template <int M, int W>
INLINE void product(int64_t m, int64_t n, int64_t k, const View& a, const View& b, const Output& c) {
  const int N = 2 * W;
  for (int64_t p = 0; p < k; p += BLOCK_K) {
    int64_t depth = least(BLOCK_K, k - p);
    for (int64_t left = 0; left < n; left += BLOCK_N) {
      int64_t cols = least(BLOCK_N, n - left);
      for (int64_t j = 0; j < cols; j += N) {
        packColumns<N>(packedB + j * depth, part(b, p, left + j), depth, least(N, cols - j));
      }
      for (int64_t i = 0; i < m; i += BLOCK_M) {
        blockProduct<M, W>(least(BLOCK_M, m - i), cols, depth, part(a, i, p),
                           {c.data + i * c.stride + left, c.stride, c.alpha, c.add || p > 0});
      }
    }
  }
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))) static void productAvx512(
    int64_t m, int64_t n, int64_t k, const View& a, const View& b, const Output& c) {
  product<8, 16>(m, n, k, a, b, c);
}

__attribute__((target("avx2,fma"))) static void productAvx2(int64_t m, int64_t n, int64_t k, const View& a,
                                                             const View& b, const Output& c) {
  product<6, 8>(m, n, k, a, b, c);
}
#endif

static void productAnywhere(int64_t m, int64_t n, int64_t k, const View& a, const View& b, const Output& c) {
  product<4, 4>(m, n, k, a, b, c);
}

typedef void Product(int64_t, int64_t, int64_t, const View&, const View&, const Output&);

static Product* productFor(bool anyProcessor) {
#if defined(__x86_64__)
  if (!anyProcessor && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq")) {
    return productAvx512;
  }
  if (!anyProcessor && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return productAvx2;
#endif
  return productAnywhere;
}

static Product* bestProduct = productFor(false);

// c[m,n] (+)= alpha · a[m,k] · b[k,n]
INLINE void gemm(int64_t m, int64_t n, int64_t k, const View& a, const View& b, const Output& c) {
  bestProduct(m, n, k, a, b, c);
}
