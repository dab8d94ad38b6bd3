// Matrix products of fp32 matrices with factors rounded to bf16 and sums in fp32: oneDNN's matmul in its bf16 math mode.
// Building a primitive takes milliseconds, and the number of tokens differs from batch to batch: that extent is cut into
// powers of two, so that each thread builds a few primitives for each weight and keeps them.
#pragma once

#include <array>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "gemm.h"

extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int);

// oneDNN is built on OpenMP, whose thread count is a property of the calling thread: one while this object lives.
struct OneThread {
  const int before = omp_get_max_threads();
  OneThread() { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before); }
};

static const int64_t LARGEST_PIECE = 1024, SMALLEST_DEPTH = 64;

// The largest power of two up to n, at most LARGEST_PIECE.
INLINE int64_t piece(int64_t n) {
  int64_t size = LARGEST_PIECE;
  while (size > n) size /= 2;
  return size;
}

// One primitive and the memory objects that point it to its operands.
struct Matmul {
  dnnl::matmul primitive;
  dnnl::memory a, b, c;
};

static const Matmul& matmul(int64_t m, int64_t n, int64_t k, const View& a, const View& b, const Output& c) {
  // Never destroyed: daemon threads may multiply while the process exits.
  static const dnnl::engine& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  typedef std::array<int64_t, 9> Shape;
  static thread_local std::map<Shape, Matmul> built;
  Shape shape = {m, n, k, a.rowStride, a.colStride, b.rowStride, b.colStride, c.stride, c.add};
  auto found = built.find(shape);
  if (found == built.end()) {
    auto f32 = dnnl::memory::data_type::f32;
    dnnl::memory::desc da({m, k}, f32, {a.rowStride, a.colStride});
    dnnl::memory::desc db({k, n}, f32, {b.rowStride, b.colStride});
    dnnl::memory::desc dc({m, n}, f32, {c.stride, 1});
    dnnl::primitive_attr attributes;
    attributes.set_fpmath_mode(dnnl::fpmath_mode::bf16);
    if (c.add) {
      dnnl::post_ops sum;
      sum.append_sum(1);
      attributes.set_post_ops(sum);
    }
    dnnl::matmul primitive({engine, da, db, dc, attributes});
    found = built.emplace(shape, Matmul{primitive,
                                        {da, engine, DNNL_MEMORY_NONE},
                                        {db, engine, DNNL_MEMORY_NONE},
                                        {dc, engine, DNNL_MEMORY_NONE}}).first;
  }
  return found->second;
}

static void runMatmul(int64_t m, int64_t n, int64_t k, const View& a, const View& b, const Output& c) {
  const Matmul& product = matmul(m, n, k, a, b, c);
  product.a.set_data_handle(const_cast<float*>(a.data));
  product.b.set_data_handle(const_cast<float*>(b.data));
  product.c.set_data_handle(c.data);
  static thread_local dnnl::stream stream(product.a.get_engine());
  product.primitive.execute(stream, {{DNNL_ARG_SRC, product.a}, {DNNL_ARG_WEIGHTS, product.b}, {DNNL_ARG_DST, product.c}});
  stream.wait();
}

// Products of few rows of both factors, padded with zeros to SMALLEST_DEPTH.
static void runShallow(int64_t m, int64_t n, int64_t k, const View& a, const View& b, const Output& c) {
  static thread_local std::vector<float> rowsA, rowsB;
  rowsA.assign(SMALLEST_DEPTH * m, 0);
  rowsB.assign(SMALLEST_DEPTH * n, 0);
  for (int64_t p = 0; p < k; p++) {
    memcpy(rowsA.data() + p * m, part(a, 0, p).data, m * sizeof(float));
    memcpy(rowsB.data() + p * n, part(b, p, 0).data, n * sizeof(float));
  }
  runMatmul(m, n, SMALLEST_DEPTH, transposed(rowsA.data(), m), plain(rowsB.data(), n), c);
}

// The extent of a product that is the number of tokens.
enum class Tokens { ROWS, DEPTH };

// c[m,n] (+)= a[m,k] · b[k,n]
static void gemmBf16(Tokens tokens, int64_t m, int64_t n, int64_t k, const View& a, const View& b, const Output& c) {
  if (m == 0 || n == 0) return;
  OneThread one;
  if (tokens == Tokens::ROWS) {
    for (int64_t i = 0; i < m; i += piece(m - i)) {
      runMatmul(piece(m - i), n, k, part(a, i, 0), b, {c.data + i * c.stride, c.stride, 1, c.add});
    }
    return;
  }
  for (int64_t p = 0; p < k;) {
    Output sum = {c.data, c.stride, 1, c.add || p > 0};
    if (k - p < SMALLEST_DEPTH) {
      runShallow(m, n, k - p, part(a, 0, p), part(b, p, 0), sum);
      return;
    }
    int64_t depth = piece(k - p);
    runMatmul(m, n, depth, part(a, 0, p), part(b, p, 0), sum);
    p += depth;
  }
}
