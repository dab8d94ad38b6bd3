// Attention, as in attention.cu, on tensor cores: of 16-bit numbers, once for each type Hidden and each HEAD, the width
// of a head in shared memory; a head's columns from its size on are 0 there. A block of four warps has a tile of
// queries (or keys) and walks over the other side; a warp has sixteen rows of the tile, and takes 32 of the other side,
// the columns of the words of eight counters, at a time. Scores stay in registers: rounded to Hidden they are the left
// factor of the next product. Rows in shared memory are 16 bytes longer than they need be, so that eight of them meet
// no bank twice.

static const int PITCH = HEAD + 8, CHUNKS = HEAD / 8;

// Eight neighbours.
struct alignas(16) Chunk {
  Hidden at[8];
};

DEVICE bool wholeChunks(int size, Long pointers) { return size % 8 == 0 && pointers % 16 == 0; }

// The first n, at most eight, of p; 0 for the rest.
DEVICE Chunk loadChunk(const Hidden* p, int n, bool whole) {
  if (whole && n > 0) return *(const Chunk*)p;
  Chunk chunk = {};
#pragma unroll
  for (int k = 0; k < 8; k++) {
    if (k < n) chunk.at[k] = p[k];
  }
  return chunk;
}

// Begins to load rows from … of a matrix, in their order or that of keyOfRow; those at length and beyond are 0.
DEVICE void startTile(Hidden* tile, int count, bool byKey, const Hidden* data, Long stride, int from, const Head& head,
                      bool whole) {
  for (int i = (int)threadIdx.x; i < count * CHUNKS; i += (int)blockDim.x) {
    int r = i / CHUNKS, c = i % CHUNKS * 8, row = byKey ? keyOfRow(r) : r;
    int n = from + row < head.length ? head.size - c : 0;
    Hidden* to = tile + r * PITCH + c;
    if (whole && n > 0) {
      startCopy(to, data + row * stride + c);
    } else {
      *(Chunk*)to = loadChunk(data + row * stride + c, n, false);
    }
  }
}

// scores += left · rowsᵀ over the columns of one left factor; 32 rows.
DEVICE void addScores(float (*scores)[4], const Word* left, const Hidden* rows) {
#pragma unroll
  for (int j = 0; j < 4; j += 2) {
    Word right[4];
    loadMatrices(right, rows + (j * 8 + lane() / 16 * 8 + lane() % 8) * PITCH + lane() / 8 % 2 * 8);
    multiplyAdd(scores[j], left, right, Hidden());
    multiplyAdd(scores[j + 1], left, right + 2, Hidden());
  }
}

// Columns from c on of sixteen rows, as a left factor.
DEVICE void loadLeft(Word* left, const Hidden* rows, int c) {
  loadMatrices(left, rows + lane() % 16 * PITCH + c + lane() / 16 * 8);
}

// scores = own · othersᵀ, of sixteen and 32 rows.
DEVICE void product(float (*scores)[4], const Hidden* own, const Hidden* others) {
#pragma unroll
  for (int i = 0; i < 16; i++) scores[i / 4][i % 4] = 0;
#pragma unroll
  for (int c = 0; c < HEAD; c += 16) {
    Word left[4];
    loadLeft(left, own, c);
    addScores(scores, left, others + c);
  }
}

// sums += weights · rows, the weights rounded; 32 rows.
DEVICE void accumulate(float (*sums)[4], const float (*weights)[4], const Hidden* rows) {
#pragma unroll
  for (int j = 0; j < 4; j += 2) {
    Word left[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      left[i] = roundedPair(weights[j + i / 2][i % 2 * 2], weights[j + i / 2][i % 2 * 2 + 1], Hidden());
    }
#pragma unroll
    for (int n = 0; n < CHUNKS; n += 2) {
      Word right[4];
      loadTransposed(right, rows + (j * 8 + lane() % 16) * PITCH + n * 8 + lane() / 16 * 8);
      multiplyAdd(sums[n], left, right, Hidden());
      multiplyAdd(sums[n + 1], left, right + 2, Hidden());
    }
  }
}

struct alignas(4) Pair {
  Hidden at[2];
};

// Two neighbours of each of this thread's columns, of one of its rows.
DEVICE void storeRow(Hidden* row, const float (*sums)[4], int half, float factor, int size, bool whole) {
#pragma unroll
  for (int n = 0; n < CHUNKS; n++) {
    int c = n * 8 + laneColumn();
    float low = sums[n][half * 2] * factor, high = sums[n][half * 2 + 1] * factor;
    if (whole) {
      Word pair = roundedPair(low, high, Hidden());
      if (c < size) *(Pair*)(row + c) = {{{(unsigned short)pair}, {(unsigned short)(pair >> 16)}}};
    } else {
      if (c < size) store(row + c, low);
      if (c + 1 < size) store(row + c + 1, high);
    }
  }
}

// Shared: tiles of q, k and v. While scores are computed v comes, and the next k while they weigh v.
HEAD_KERNEL attention(Hidden* ctx, float* lse, const Hidden* qkv, const int* starts, const int* streams, int rows,
                      int heads, int size, Word threshold, float dropoutScale, Long key, int* fault) {
  Head head = thisHead(starts, streams, rows, heads, size, fault);
  Drop drop = {threshold, dropoutScale, key};
  int first = (int)blockIdx.x * TILE, warpRow = (int)threadIdx.x / WARP * 16;
  if (first >= head.length) return;
  bool whole = wholeChunks(size, bits(ctx) | bits(qkv));
  Hidden *q = sharedAs<Hidden>(), *k = q + TILE * PITCH, *v = k + TILE * PITCH;
  float scale = 1.0f / sqrtf((float)size), top[2] = {-infinity(), -infinity()}, sum[2] = {}, out[CHUNKS][4] = {};
  startTile(q, TILE, false, qkv + head.inQkv(first), head.stride, first, head, whole);
  startTile(k, TILE, false, qkv + head.inQkv(0) + head.width, head.stride, 0, head, whole);
  finishCopies();
  __syncthreads();
  Word queries[HEAD / 16][4];
#pragma unroll
  for (int c = 0; c < HEAD; c += 16) loadLeft(queries[c / 16], q + warpRow * PITCH, c);
  for (int left = 0; left < head.length; left += TILE) {
    startTile(v, TILE, false, qkv + head.inQkv(left) + 2 * head.width, head.stride, left, head, whole);
    float s[8][4] = {};
#pragma unroll
    for (int c = 0; c < HEAD; c += 16) {
#pragma unroll
      for (int j = 0; j < 8; j += 4) addScores(s + j, queries[c / 16], k + j * 8 * PITCH + c);
    }
#pragma unroll
    for (int j = 0; j < 8; j += 4) hideBeyond(s + j, left + j * 8, head.length);
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float highest = -infinity();
#pragma unroll
      for (int j = 0; j < 8; j++) highest = fmaxf(highest, fmaxf(s[j][half * 2], s[j][half * 2 + 1]));
      highest = fmaxf(top[half], laneMax<4>(highest));
      float shrink = powerOf2((top[half] - highest) * (scale * LOG2_E));
      top[half] = highest;
      sum[half] *= shrink;
#pragma unroll
      for (int n = 0; n < CHUNKS; n++) {
        out[n][half * 2] *= shrink;
        out[n][half * 2 + 1] *= shrink;
      }
#pragma unroll
      for (int j = 0; j < 8; j++) {
#pragma unroll
        for (int i = half * 2; i < half * 2 + 2; i++) {
          s[j][i] = powerOf2((s[j][i] - highest) * (scale * LOG2_E));
          sum[half] += s[j][i];
        }
      }
    }
#pragma unroll
    for (int j = 0; j < 8; j += 4) {
      if (threshold == 0 || first + warpRow >= head.length || left + j * 8 >= head.length) continue;
      float factors[4][4];
      factorsByQuery(factors, first + warpRow, left + j * 8, head, drop);
#pragma unroll
      for (int i = 0; i < 16; i++) s[j + i / 4][i % 4] *= factors[i / 4][i % 4];
    }
    finishCopies();
    __syncthreads();
    int next = left + TILE;
    if (next < head.length) {
      startTile(k, TILE, false, qkv + head.inQkv(next) + head.width, head.stride, next, head, whole);
    }
#pragma unroll
    for (int j = 0; j < 8; j += 4) accumulate(out, s + j, v + j * 8 * PITCH);
    finishCopies();
    __syncthreads();
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float all = laneSum<4>(sum[half]);
    int i = first + warpRow + laneRow() + half * 8;
    if (i >= head.length) continue;
    storeRow(ctx + head.inCtx(i), out, half, 1.0f / all, size, whole);
    if (laneColumn() == 0) lse[(Long)(head.start + i) * heads + head.index] = top[half] * scale + logf(all);
  }
}

// What the backward needs of queries: log₂ Σ exp, infinite beyond the sequence, where then no score weighs anything,
// and delta = rowsum(dctx ∘ ctx).
DEVICE void loadStatistics(float* logSum, float* delta, int count, const float* lse, const Hidden* ctx,
                           const Hidden* dctx, int from, const Head& head, int heads, bool whole) {
  for (int i = (int)threadIdx.x; i < count * CHUNKS; i += (int)blockDim.x) {
    int r = i / CHUNKS, c = i % CHUNKS * 8, row = from + r, n = row < head.length ? head.size - c : 0;
    Chunk a = loadChunk(dctx + head.inCtx(row) + c, n, whole), b = loadChunk(ctx + head.inCtx(row) + c, n, whole);
    float part = 0;
#pragma unroll
    for (int k = 0; k < 8; k++) part += real(a.at[k]) * real(b.at[k]);
    part = laneSum<CHUNKS>(part);
    if (c > 0) continue;
    delta[r] = part;
    logSum[r] = row < head.length ? lse[(Long)(head.start + row) * heads + head.index] * LOG2_E : infinity();
  }
}

// dq = dS · k. Shared: tiles of q and dctx, two turns of slabs of k and v, and two columns.
HEAD_KERNEL attentionBackwardQueries(Hidden* dqkv, const Hidden* dctx, const Hidden* ctx, const float* lse,
                                     const Hidden* qkv, const int* starts, const int* streams, int rows, int heads,
                                     int size, Word threshold, float dropoutScale, Long key, int* fault) {
  Head head = thisHead(starts, streams, rows, heads, size, fault);
  Drop drop = {threshold, dropoutScale, key};
  int first = (int)blockIdx.x * TILE, warpRow = (int)threadIdx.x / WARP * 16;
  if (first >= head.length) return;
  bool whole = wholeChunks(size, bits(dqkv) | bits(dctx) | bits(ctx) | bits(qkv));
  Hidden *q = sharedAs<Hidden>(), *up = q + TILE * PITCH, *slabs = up + TILE * PITCH;
  float *logSum = (float*)(slabs + 4 * SLAB * PITCH), *delta = logSum + TILE;
  float scale = 1.0f / sqrtf((float)size), dq[CHUNKS][4] = {};
  startTile(q, TILE, false, qkv + head.inQkv(first), head.stride, first, head, whole);
  startTile(up, TILE, false, dctx + head.inCtx(first), head.width, first, head, whole);
  loadStatistics(logSum, delta, TILE, lse, ctx, dctx, first, head, heads, whole);
  for (int next = 0; next < head.length + SLAB; next += SLAB) {
    finishCopies();
    __syncthreads();
    if (next < head.length) {
      Hidden* k = slabs + next / SLAB % 2 * (2 * SLAB * PITCH);
      startTile(k, SLAB, false, qkv + head.inQkv(next) + head.width, head.stride, next, head, whole);
      startTile(k + SLAB * PITCH, SLAB, false, qkv + head.inQkv(next) + 2 * head.width, head.stride, next, head, whole);
    }
    int left = next - SLAB;
    if (left < 0 || first + warpRow >= head.length) continue;
    Hidden* k = slabs + left / SLAB % 2 * (2 * SLAB * PITCH);
    float s[4][4], dp[4][4], factors[4][4];
    product(s, q + warpRow * PITCH, k);
    product(dp, up + warpRow * PITCH, k + SLAB * PITCH);
    hideBeyond(s, left, head.length);
    factorsByQuery(factors, first + warpRow, left, head, drop);
#pragma unroll
    for (int i = 0; i < 16; i++) {
      int r = warpRow + laneRow() + i % 4 / 2 * 8;
      scoreGradient(s[i / 4][i % 4], dp[i / 4][i % 4], factors[i / 4][i % 4], scale * LOG2_E, logSum[r], delta[r]);
    }
    accumulate(dq, dp, k);
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int i = first + warpRow + laneRow() + half * 8;
    if (i < head.length) storeRow(dqkv + head.inQkv(i), dq, half, scale, size, whole);
  }
}

// dk = dSᵀ · q and dv = (M∘P)ᵀ · dctx. Shared: tiles of k and v, two turns of slabs of q and dctx, and of two columns.
HEAD_KERNEL attentionBackwardKeys(Hidden* dqkv, const Hidden* dctx, const Hidden* ctx, const float* lse,
                                  const Hidden* qkv, const int* starts, const int* streams, int rows, int heads,
                                  int size, Word threshold, float dropoutScale, Long key, int* fault) {
  Head head = thisHead(starts, streams, rows, heads, size, fault);
  Drop drop = {threshold, dropoutScale, key};
  int first = (int)blockIdx.x * TILE, warpRow = (int)threadIdx.x / WARP * 16;
  if (first >= head.length) return;
  bool whole = wholeChunks(size, bits(dqkv) | bits(dctx) | bits(ctx) | bits(qkv));
  Hidden *k = sharedAs<Hidden>(), *v = k + TILE * PITCH, *slabs = v + TILE * PITCH;
  float* columns = (float*)(slabs + 4 * SLAB * PITCH);
  float scale = 1.0f / sqrtf((float)size), dk[CHUNKS][4] = {}, dv[CHUNKS][4] = {};
  startTile(k, TILE, true, qkv + head.inQkv(first) + head.width, head.stride, first, head, whole);
  startTile(v, TILE, true, qkv + head.inQkv(first) + 2 * head.width, head.stride, first, head, whole);
  for (int next = 0; next < head.length + SLAB; next += SLAB) {
    finishCopies();
    __syncthreads();
    if (next < head.length) {
      Hidden* q = slabs + next / SLAB % 2 * (2 * SLAB * PITCH);
      float* logSum = columns + next / SLAB % 2 * (2 * SLAB);
      startTile(q, SLAB, false, qkv + head.inQkv(next), head.stride, next, head, whole);
      startTile(q + SLAB * PITCH, SLAB, false, dctx + head.inCtx(next), head.width, next, head, whole);
      loadStatistics(logSum, logSum + SLAB, SLAB, lse, ctx, dctx, next, head, heads, whole);
    }
    int top = next - SLAB;
    if (top < 0 || first + keyOfRow(warpRow) >= head.length) continue;
    Hidden *q = slabs + top / SLAB % 2 * (2 * SLAB * PITCH), *up = q + SLAB * PITCH;
    float *logSum = columns + top / SLAB % 2 * (2 * SLAB), *delta = logSum + SLAB, s[4][4], dp[4][4], factors[4][4];
    product(s, k + warpRow * PITCH, q);
    product(dp, v + warpRow * PITCH, up);
    factorsByKey(factors, top, first + keyOfRow(warpRow + laneRow()), head, drop);
#pragma unroll
    for (int i = 0; i < 16; i++) {
      int c = i / 4 * 8 + laneColumn() + i % 2;
      scoreGradient(s[i / 4][i % 4], dp[i / 4][i % 4], factors[i / 4][i % 4], scale * LOG2_E, logSum[c], delta[c]);
    }
    accumulate(dv, s, up);
    accumulate(dk, dp, q);
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int i = first + keyOfRow(warpRow + laneRow() + half * 8);
    if (i >= head.length) continue;
    storeRow(dqkv + head.inQkv(i) + head.width, dk, half, scale, size, whole);
    storeRow(dqkv + head.inQkv(i) + 2 * head.width, dv, half, 1, size, whole);
  }
}
