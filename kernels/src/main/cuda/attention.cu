// Attention over packed sequences: S = q·kᵀ/√D, P = softmax(S), ctx = dropout(P)·v. Only log Σ exp S is kept; the backward
// computes P again. A block of 256 threads has a tile of 64 queries (or keys) of one head of one sequence and walks over
// the tiles of the other side, so no sum is shared between blocks. A thread has a square of 4 × 4 of a tile of scores: rows
// 4·ty to 4·ty + 3, and the four columns whose dropout words come from one counter.

static const int SIDE = 16, PITCH = TILE + 1;
static const int SLICES = 8;  // of 16 columns of a head: heads of up to 128

// Rows from … of a matrix, as tile[row][column] at a pitch of size + 1; those at length and beyond are 0.
DEVICE void loadTile(float* tile, const Hidden* data, Long stride, int from, int length, int size) {
  for (int i = (int)threadIdx.x; i < TILE * size; i += (int)blockDim.x) {
    int r = i / size, d = i % size;
    tile[r * (size + 1) + d] = from + r < length ? real(data[r * stride + d]) : 0.0f;
  }
}

struct Square {
  float at[4][4];
};

DEVICE int tileRow(int r) { return (int)threadIdx.x / SIDE * 4 + r; }
DEVICE int tileColumn(int w) { return (int)threadIdx.x % SIDE / 8 * 32 + (int)threadIdx.x % 8 + 8 * w; }

// This thread's square of a · bᵀ.
DEVICE Square product(const float* a, const float* b, int size) {
  Square s = {};
  for (int d = 0; d < size; d++) {
    float left[4], right[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      left[i] = a[tileRow(i) * (size + 1) + d];
      right[i] = b[tileColumn(i) * (size + 1) + d];
    }
#pragma unroll
    for (int r = 0; r < 4; r++) {
#pragma unroll
      for (int w = 0; w < 4; w++) s.at[r][w] += left[r] * right[w];
    }
  }
  return s;
}

// Dropout factors of scores whose first column is `column`, a multiple of 32.
DEVICE void factors(float* factor, int query, int column, const Head& head, const Drop& drop) {
  if (drop.threshold == 0) {
    for (int w = 0; w < 4; w++) factor[w] = 1;
    return;
  }
  Words words = draw((Word)((column + tileColumn(0)) / 32 * 8 + tileColumn(0) % 8),
                     rowKey(head.stream, query, head.index + 1, drop.key));
#pragma unroll
  for (int w = 0; w < 4; w++) factor[w] = dropoutFactor(words.at[w], drop.threshold, drop.scale);
}

// Four rows of a result, columns tx, tx + 16, …
struct Rows {
  float at[4][SLICES];
};

// sums += weights[row][j] · values[j], or weights[j][row] · values[j] if transposed
DEVICE void accumulate(Rows& sums, const float* weights, bool transposed, const float* values, int size) {
  for (int j = 0; j < TILE; j++) {
    float left[4];
#pragma unroll
    for (int r = 0; r < 4; r++) left[r] = transposed ? weights[j * PITCH + tileRow(r)] : weights[tileRow(r) * PITCH + j];
#pragma unroll
    for (int s = 0; s < SLICES; s++) {
      int d = s * SIDE + (int)threadIdx.x % SIDE;
      if (s * SIDE >= size) continue;
      float right = d < size ? values[j * (size + 1) + d] : 0.0f;
#pragma unroll
      for (int r = 0; r < 4; r++) sums.at[r][s] += left[r] * right;
    }
  }
}

DEVICE void storeRow(Hidden* out, const Rows& sums, int r, int size, float factor) {
#pragma unroll
  for (int s = 0; s < SLICES; s++) {
    int d = s * SIDE + (int)threadIdx.x % SIDE;
    if (d < size) store(out + d, sums.at[r][s] * factor);
  }
}

// Shared: tiles of q, k and v, and one of scores.
KERNEL attention(Hidden* ctx, float* lse, const Hidden* qkv, const int* starts, const int* streams, int rows, int heads,
                 int size, Word threshold, float dropoutScale, Long key, int* fault) {
  float* shared = sharedAs<float>();
  Head head = thisHead(starts, streams, rows, heads, size, fault);
  Drop drop = {threshold, dropoutScale, key};
  int first = (int)blockIdx.x * TILE;
  if (first >= head.length) return;
  float *q = shared, *k = q + TILE * (size + 1), *v = k + TILE * (size + 1), *scores = v + TILE * (size + 1);
  float scale = 1.0f / sqrtf((float)size), top[4], sum[4];
  for (int r = 0; r < 4; r++) {
    top[r] = -infinity();
    sum[r] = 0;
  }
  Rows out = {};
  loadTile(q, qkv + head.inQkv(first), head.stride, first, head.length, size);
  for (int left = 0; left < head.length; left += TILE) {
    __syncthreads();
    loadTile(k, qkv + head.inQkv(left) + head.width, head.stride, left, head.length, size);
    loadTile(v, qkv + head.inQkv(left) + 2 * head.width, head.stride, left, head.length, size);
    __syncthreads();
    Square s = product(q, k, size);
#pragma unroll
    for (int r = 0; r < 4; r++) {
      float highest = -infinity();
#pragma unroll
      for (int w = 0; w < 4; w++) {
        s.at[r][w] = left + tileColumn(w) < head.length ? s.at[r][w] * scale : -infinity();
        highest = fmaxf(highest, s.at[r][w]);
      }
      highest = fmaxf(top[r], laneMax<SIDE>(highest));
      float shrink = expf(top[r] - highest), factor[4], part = 0;
      factors(factor, first + tileRow(r), left, head, drop);
#pragma unroll
      for (int w = 0; w < 4; w++) {
        float e = expf(s.at[r][w] - highest);
        part += e;
        scores[tileRow(r) * PITCH + tileColumn(w)] = e * factor[w];
      }
      sum[r] = sum[r] * shrink + laneSum<SIDE>(part);
      top[r] = highest;
#pragma unroll
      for (int i = 0; i < SLICES; i++) out.at[r][i] *= shrink;
    }
    __syncthreads();
    accumulate(out, scores, false, v, size);
  }
#pragma unroll
  for (int r = 0; r < 4; r++) {
    int i = first + tileRow(r);
    if (i >= head.length) continue;
    storeRow(ctx + head.inCtx(i), out, r, size, 1.0f / sum[r]);
    if (threadIdx.x % SIDE == 0) lse[(Long)(head.start + i) * heads + head.index] = top[r] + logf(sum[r]);
  }
}

// What the backward needs of a tile of queries: log Σ exp, and delta = rowsum(dctx ∘ ctx); 0 beyond the sequence.
DEVICE void loadStatistics(float* logSum, float* delta, const float* lse, const Hidden* ctx, const Hidden* dctx, int from,
                           const Head& head, int heads) {
#pragma unroll
  for (int r = 0; r < 4; r++) {
    int i = from + tileRow(r);
    float part = 0;
    for (int d = (int)threadIdx.x % SIDE; d < head.size && i < head.length; d += SIDE) {
      part += real(dctx[head.inCtx(i) + d]) * real(ctx[head.inCtx(i) + d]);
    }
    part = laneSum<SIDE>(part);
    if (threadIdx.x % SIDE != 0) continue;
    delta[tileRow(r)] = part;
    logSum[tileRow(r)] = i < head.length ? lse[(Long)(head.start + i) * heads + head.index] : 0.0f;
  }
}

// dS = P∘(M∘dP − delta)/√D and, unless null, M∘P, P = exp(S − lse), of a tile; 0 outside the sequence.
DEVICE void scoreGradients(float* dScores, float* weights, const float* q, const float* k, const float* v,
                           const float* up, const float* logSum, const float* delta, int query, int key,
                           const Head& head, const Drop& drop) {
  float scale = 1.0f / sqrtf((float)head.size);
  Square s = product(q, k, head.size), dp = product(up, v, head.size);
#pragma unroll
  for (int r = 0; r < 4; r++) {
    float factor[4];
    factors(factor, query + tileRow(r), key, head, drop);
#pragma unroll
    for (int w = 0; w < 4; w++) {
      bool inside = query + tileRow(r) < head.length && key + tileColumn(w) < head.length;
      float p = inside ? expf(s.at[r][w] * scale - logSum[tileRow(r)]) : 0.0f;
      int i = tileRow(r) * PITCH + tileColumn(w);
      dScores[i] = inside ? p * (factor[w] * dp.at[r][w] - delta[tileRow(r)]) * scale : 0.0f;
      if (weights) weights[i] = p * factor[w];
    }
  }
}

// dq = dS · k. Shared: tiles of q, dctx, k and v, one of scores, and two columns.
KERNEL attentionBackwardQueries(Hidden* dqkv, const Hidden* dctx, const Hidden* ctx, const float* lse, const Hidden* qkv,
                                const int* starts, const int* streams, int rows, int heads, int size, Word threshold,
                                float dropoutScale, Long key, int* fault) {
  float* shared = sharedAs<float>();
  Head head = thisHead(starts, streams, rows, heads, size, fault);
  Drop drop = {threshold, dropoutScale, key};
  int first = (int)blockIdx.x * TILE, tile = TILE * (size + 1);
  if (first >= head.length) return;
  float *q = shared, *up = q + tile, *k = up + tile, *v = k + tile, *dScores = v + tile;
  float *logSum = dScores + TILE * PITCH, *delta = logSum + TILE;
  Rows dq = {};
  loadTile(q, qkv + head.inQkv(first), head.stride, first, head.length, size);
  loadTile(up, dctx + head.inCtx(first), head.width, first, head.length, size);
  loadStatistics(logSum, delta, lse, ctx, dctx, first, head, heads);
  for (int left = 0; left < head.length; left += TILE) {
    __syncthreads();
    loadTile(k, qkv + head.inQkv(left) + head.width, head.stride, left, head.length, size);
    loadTile(v, qkv + head.inQkv(left) + 2 * head.width, head.stride, left, head.length, size);
    __syncthreads();
    scoreGradients(dScores, nullptr, q, k, v, up, logSum, delta, first, left, head, drop);
    __syncthreads();
    accumulate(dq, dScores, false, k, size);
  }
#pragma unroll
  for (int r = 0; r < 4; r++) {
    if (first + tileRow(r) < head.length) storeRow(dqkv + head.inQkv(first + tileRow(r)), dq, r, size, 1);
  }
}

// dk = dSᵀ · q and dv = (M∘P)ᵀ · dctx. Shared: tiles of q, dctx, k and v, two of scores, and two columns.
KERNEL attentionBackwardKeys(Hidden* dqkv, const Hidden* dctx, const Hidden* ctx, const float* lse, const Hidden* qkv,
                             const int* starts, const int* streams, int rows, int heads, int size, Word threshold,
                             float dropoutScale, Long key, int* fault) {
  float* shared = sharedAs<float>();
  Head head = thisHead(starts, streams, rows, heads, size, fault);
  Drop drop = {threshold, dropoutScale, key};
  int first = (int)blockIdx.x * TILE, tile = TILE * (size + 1);
  if (first >= head.length) return;
  float *q = shared, *up = q + tile, *k = up + tile, *v = k + tile, *dScores = v + tile;
  float *weights = dScores + TILE * PITCH, *logSum = weights + TILE * PITCH, *delta = logSum + TILE;
  Rows dk = {}, dv = {};
  loadTile(k, qkv + head.inQkv(first) + head.width, head.stride, first, head.length, size);
  loadTile(v, qkv + head.inQkv(first) + 2 * head.width, head.stride, first, head.length, size);
  for (int top = 0; top < head.length; top += TILE) {
    __syncthreads();
    loadTile(q, qkv + head.inQkv(top), head.stride, top, head.length, size);
    loadTile(up, dctx + head.inCtx(top), head.width, top, head.length, size);
    loadStatistics(logSum, delta, lse, ctx, dctx, top, head, heads);
    __syncthreads();
    scoreGradients(dScores, weights, q, k, v, up, logSum, delta, top, first, head, drop);
    __syncthreads();
    accumulate(dk, dScores, true, q, size);
    accumulate(dv, weights, true, up, size);
  }
#pragma unroll
  for (int r = 0; r < 4; r++) {
    int i = first + tileRow(r);
    if (i >= head.length) continue;
    storeRow(dqkv + head.inQkv(i) + head.width, dk, r, size, 1);
    storeRow(dqkv + head.inQkv(i) + 2 * head.width, dv, r, size, 1);
  }
}
