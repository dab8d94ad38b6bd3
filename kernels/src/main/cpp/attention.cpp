// Attention over packed sequences, one (sequence, head) at a time, a block of queries at a time: S = q·kᵀ/√D,
// P = softmax(S), ctx = dropout(P)·v. Only log Σ exp S is kept; the backward computes P again.
#pragma once

#include <cmath>

#include "gemm.h"
#include "philox.h"
#include "vmath.h"

static const int64_t QUERY_BLOCK = 64;

// Scores of a block lie in rows of this length: whole vectors, so that no row has a tail.
INLINE int64_t paddedLength(int64_t length) { return (length + 31) / 32 * 32; }

struct Heads {
  int64_t heads, size;
  float scale;  // 1 / √D
  Dropout dropout;
  int64_t key;
};

INLINE void padRow(float* s, int64_t length, int64_t padded, float value) {
  for (int64_t j = length; j < padded; j++) s[j] = value;
}

// s ← dropout(softmax(s)); returns log Σ exp.
KERNEL float softmaxRow(float* s, int64_t padded, RowKey row, Dropout dropout) {
  float top = -INFINITY;
#pragma omp simd reduction(max : top)
  for (int64_t j = 0; j < padded / 32 * 32; j++) top = s[j] > top ? s[j] : top;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < padded / 32 * 32; j++) {
    float e = fastExp(s[j] - top);
    s[j] = e;
    sum += e;
  }
  float inverse = 1.0f / sum;
  if (dropout.threshold == 0) {
#pragma omp simd
    for (int64_t j = 0; j < padded / 32 * 32; j++) s[j] *= inverse;
  } else {
    alignas(64) uint32_t words[DRAWN];
    for (int64_t c = 0; c < padded; c += DRAWN) {
      int64_t n = least(DRAWN, padded - c) / 32 * 32;
      drawWords(words, c, n, row);
#pragma omp simd
      for (int64_t j = 0; j < n; j++) s[c + j] *= inverse * dropoutFactor(words[j], dropout);
    }
  }
  return top + logf(sum);
}

// s ← M∘P and dp ← P∘(M∘dp − delta)/√D, P = exp(s − lse).
KERNEL void softmaxBackwardRow(float* s, float* dp, float lse, float delta, float scale, int64_t padded, RowKey row,
                               Dropout dropout) {
  alignas(64) uint32_t words[DRAWN];
  for (int64_t c = 0; c < padded; c += DRAWN) {
    int64_t n = least(DRAWN, padded - c) / 32 * 32;
    if (dropout.threshold == 0) {
      memset(words, 0xFF, n * sizeof(uint32_t));
    } else {
      drawWords(words, c, n, row);
    }
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
      float p = fastExp(s[c + j] - lse);
      float factor = dropoutFactor(words[j], dropout);
      s[c + j] = p * factor;
      dp[c + j] = p * (factor * dp[c + j] - delta) * scale;
    }
  }
}

KERNEL float dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

// One head of one sequence: tokens start to start + length.
struct Item {
  int64_t start, length, head;
  int32_t stream;
};

static void attentionItem(const Item& item, const Heads& h, float* ctx, float* lse, float* scratch,
                          const float* qkv) {
  int64_t width = h.heads * h.size, stride = 3 * width, padded = paddedLength(item.length);
  const float* q = qkv + item.start * stride + item.head * h.size;
  const float* k = q + width;
  const float* v = k + width;
  float* out = ctx + item.start * width + item.head * h.size;
  for (int64_t i = 0; i < item.length; i += QUERY_BLOCK) {
    int64_t m = least(QUERY_BLOCK, item.length - i);
    gemm(m, item.length, h.size, plain(q + i * stride, stride), transposed(k, stride), {scratch, padded, h.scale, false});
    for (int64_t r = 0; r < m; r++) {
      float* s = scratch + r * padded;
      padRow(s, item.length, padded, -INFINITY);
      RowKey row = rowKey(item.stream, (int32_t)(i + r), (int32_t)item.head + 1, h.key);
      lse[(item.start + i + r) * h.heads + item.head] =
          softmaxRow(s, padded, row, h.dropout);
    }
    gemm(m, h.size, item.length, plain(scratch, padded), plain(v, stride), {out + i * width, width, 1, false});
  }
}

static void attentionItemBackward(const Item& item, const Heads& h, float* dqkv, float* scratch, const float* dctx,
                                  const float* ctx, const float* lse, const float* qkv) {
  int64_t width = h.heads * h.size, stride = 3 * width, padded = paddedLength(item.length);
  int64_t base = item.start * stride + item.head * h.size, outBase = item.start * width + item.head * h.size;
  const float *q = qkv + base, *k = q + width, *v = k + width;
  float *dq = dqkv + base, *dk = dq + width, *dv = dk + width;
  float* s = scratch;
  float* dp = scratch + QUERY_BLOCK * padded;
  for (int64_t i = 0; i < item.length; i += QUERY_BLOCK) {
    int64_t m = least(QUERY_BLOCK, item.length - i);
    bool add = i > 0;
    const float* up = dctx + outBase + i * width;
    gemm(m, item.length, h.size, plain(q + i * stride, stride), transposed(k, stride), {s, padded, h.scale, false});
    gemm(m, item.length, h.size, plain(up, width), transposed(v, stride), {dp, padded, 1, false});
    for (int64_t r = 0; r < m; r++) {
      padRow(s + r * padded, item.length, padded, -INFINITY);
      padRow(dp + r * padded, item.length, padded, 0);
      float delta = dot(up + r * width, ctx + outBase + (i + r) * width, h.size);
      RowKey row = rowKey(item.stream, (int32_t)(i + r), (int32_t)item.head + 1, h.key);
      softmaxBackwardRow(s + r * padded, dp + r * padded, lse[(item.start + i + r) * h.heads + item.head], delta,
                         h.scale, padded, row, h.dropout);
    }
    gemm(item.length, h.size, m, transposed(s, padded), plain(up, width), {dv, stride, 1, add});
    gemm(m, h.size, item.length, plain(dp, padded), plain(k, stride), {dq + i * stride, stride, 1, false});
    gemm(item.length, h.size, m, transposed(dp, padded), plain(q + i * stride, stride), {dk, stride, 1, add});
  }
}

// Calls visit(item) for the items of one worker: shares of equal cost L² + 64 L, in order.
template <class Visit>
static void forEachItem(const int32_t* starts, const int32_t* streams, int64_t sequences, int64_t heads, int worker,
                        int workers, Visit visit) {
  auto cost = [&](int64_t b) {
    int64_t length = starts[b + 1] - starts[b];
    return length * (length + 64);
  };
  int64_t total = 0;
  for (int64_t b = 0; b < sequences; b++) total += cost(b) * heads;
  int64_t before = 0;
  for (int64_t b = 0; b < sequences; b++) {
    for (int64_t head = 0; head < heads; head++) {
      int64_t owner = total == 0 ? 0 : (2 * before + cost(b)) * workers / (2 * total);  // by the item's middle
      if (owner == worker) visit(Item{starts[b], starts[b + 1] - starts[b], head, streams[b]});
      before += cost(b);
    }
  }
}

// Sequences lie one after the other and fill the rows, none longer than maxLength.
static bool startsFit(At<const int32_t> starts, int64_t sequences, int64_t rows, int64_t maxLength) {
  for (int64_t b = 0; b < sequences; b++) {
    int64_t length = (int64_t)starts[b + 1] - starts[b];
    if (length < 0 || length > maxLength) return false;
  }
  return starts[0] == 0 && starts[sequences] == rows;
}

// Floats of scratch that one worker needs.
static int64_t attentionScratch(int64_t maxLength) { return 2 * QUERY_BLOCK * paddedLength(maxLength); }

static void attention(At<float> ctx, At<float> lse, At<float> scratch, At<const float> qkv, At<const int32_t> starts,
                      At<const int32_t> streams, int64_t sequences, int64_t heads, int64_t headSize, int32_t threshold,
                      float dropoutScale, int64_t key, int worker, int workers) {
  Heads h = {heads, headSize, 1.0f / sqrtf((float)headSize), {(uint32_t)threshold, dropoutScale}, key};
  forEachItem(starts, streams, sequences, heads, worker, workers,
              [&](const Item& item) { attentionItem(item, h, ctx, lse, scratch, qkv); });
}

static void attentionBackward(At<float> dqkv, At<float> scratch, At<const float> dctx, At<const float> ctx,
                              At<const float> lse, At<const float> qkv, At<const int32_t> starts,
                              At<const int32_t> streams, int64_t sequences, int64_t heads, int64_t headSize,
                              int32_t threshold, float dropoutScale, int64_t key, int worker, int workers) {
  Heads h = {heads, headSize, 1.0f / sqrtf((float)headSize), {(uint32_t)threshold, dropoutScale}, key};
  forEachItem(starts, streams, sequences, heads, worker, workers,
              [&](const Item& item) { attentionItemBackward(item, h, dqkv, scratch, dctx, ctx, lse, qkv); });
}
