// LayerNorm over rows, alone and at the end of a post-LN block: s = residual + dropout(x), y = layerNorm(s). A warp has a
// row; what it reads twice is in the cache the second time.

// The row of this warp; rows or more: none.
DEVICE Word warpRow() { return globalThread() / WARP; }

// y = (x − mean) · rstd · gamma + beta; the variance in a second pass, about the mean.
DEVICE void normalizeRow(Hidden* y, float* mean, float* rstd, const Hidden* x, const float* gamma, const float* beta,
                         float eps, int cols, bool whole) {
  Word lane = threadIdx.x % WARP;
  float sum = 0;
  for (Word u = lane; u < units(cols); u += WARP) {
    Unit in = loadUnit(x, unitColumn(u), cols, whole);
#pragma unroll
    for (int i = 0; i < 16; i++) sum += in.at[i];
  }
  float mu = warpSum(sum) / cols;
  float squares = 0;
  for (Word u = lane; u < units(cols); u += WARP) {
    int c = unitColumn(u);
    Unit in = loadUnit(x, c, cols, whole);
#pragma unroll
    for (int i = 0; i < 16; i++) {
      float d = in.at[i] - mu;
      squares += inRow(c, i, cols) ? d * d : 0.0f;
    }
  }
  squares = warpSum(squares);
  // A row too large to square is not a constant one: what it gives must not look finite.
  float scale = squares < __int_as_float(0x7F800000) ? 1.0f / sqrtf(squares / cols + eps) : notANumber();
  for (Word u = lane; u < units(cols); u += WARP) {
    int c = unitColumn(u);
    Unit in = loadUnit(x, c, cols, whole);
    Unit g = loadUnit(gamma, c, cols, whole), b = loadUnit(beta, c, cols, whole);
#pragma unroll
    for (int i = 0; i < 16; i++) in.at[i] = (in.at[i] - mu) * scale * g.at[i] + b.at[i];
    storeUnit(y, in, c, cols, whole);
  }
  if (lane == 0) {
    *mean = mu;
    *rstd = scale;
  }
}

KERNEL layerNorm(Hidden* y, float* mean, float* rstd, const Hidden* x, const float* gamma, const float* beta, float eps,
                 int rows, int cols) {
  Word r = warpRow();
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(x) | bits(gamma) | bits(beta));
  normalizeRow(y + (Long)r * cols, mean + r, rstd + r, x + (Long)r * cols, gamma, beta, eps, cols, whole);
}

KERNEL dropoutAddLayerNorm(Hidden* y, Hidden* s, float* mean, float* rstd, const Hidden* x, const Hidden* residual,
                           const float* gamma, const float* beta, float eps, Word threshold, float scale, Long key,
                           const int* streams, const int* positions, int rows, int cols) {
  Word r = warpRow();
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(s) | bits(x) | bits(residual) | bits(gamma) | bits(beta));
  Long row = (Long)r * cols;
  RowKey draws = rowKey(streams[r], positions[r], 0, key);
  for (Word u = threadIdx.x % WARP; u < units(cols); u += WARP) {
    int c = unitColumn(u);
    Unit sum = loadUnit(x + row, c, cols, whole), skip = loadUnit(residual + row, c, cols, whole);
    if (threshold != 0) dropUnit(sum, c, draws, threshold, scale);
#pragma unroll
    for (int i = 0; i < 16; i++) sum.at[i] += skip.at[i];
    storeUnit(s + row, sum, c, cols, whole);
  }
  normalizeRow(y + row, mean + r, rstd + r, s + row, gamma, beta, eps, cols, whole);  // each lane reads what it wrote
}

// Σ g and Σ g·n of a row, g = dy · gamma, n = (x − mean) · rstd, over cols.
struct Averages {
  float g, gn;
};

DEVICE Averages averages(const Hidden* dy, const Hidden* x, float mean, float rstd, const float* gamma, int cols,
                         bool whole) {
  float sumG = 0, sumGN = 0;
  for (Word u = threadIdx.x % WARP; u < units(cols); u += WARP) {
    int c = unitColumn(u);
    Unit up = loadUnit(dy, c, cols, whole), in = loadUnit(x, c, cols, whole), scale = loadUnit(gamma, c, cols, whole);
#pragma unroll
    for (int i = 0; i < 16; i++) {
      float g = up.at[i] * scale.at[i];
      sumG += g;
      sumGN += inRow(c, i, cols) ? g * ((in.at[i] - mean) * rstd) : 0.0f;
    }
  }
  Averages result = {warpSum(sumG) / cols, warpSum(sumGN) / cols};
  return result;
}

// up ← rstd · (g − avg(g) − n · avg(g·n))
DEVICE void backUnit(Unit& up, const Unit& in, const Unit& gamma, float mean, float rstd, Averages avg) {
#pragma unroll
  for (int i = 0; i < 16; i++) {
    up.at[i] = rstd * (up.at[i] * gamma.at[i] - avg.g - (in.at[i] - mean) * rstd * avg.gn);
  }
}

KERNEL layerNormBackward(Hidden* dx, const Hidden* dy, const Hidden* x, const float* mean, const float* rstd,
                         const float* gamma, int rows, int cols) {
  Word r = warpRow();
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(dx) | bits(dy) | bits(x) | bits(gamma));
  Long row = (Long)r * cols;
  Averages avg = averages(dy + row, x + row, mean[r], rstd[r], gamma, cols, whole);
  for (Word u = threadIdx.x % WARP; u < units(cols); u += WARP) {
    int c = unitColumn(u);
    Unit up = loadUnit(dy + row, c, cols, whole);
    backUnit(up, loadUnit(x + row, c, cols, whole), loadUnit(gamma, c, cols, whole), mean[r], rstd[r], avg);
    storeUnit(dx + row, up, c, cols, whole);
  }
}

KERNEL dropoutAddLayerNormBackward(Hidden* dx, Hidden* dResidual, const Hidden* dy, const Hidden* s, const float* mean,
                                   const float* rstd, const float* gamma, Word threshold, float scale, Long key,
                                   const int* streams, const int* positions, int rows, int cols) {
  Word r = warpRow();
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(dx) | bits(dResidual) | bits(dy) | bits(s) | bits(gamma));
  Long row = (Long)r * cols;
  Averages avg = averages(dy + row, s + row, mean[r], rstd[r], gamma, cols, whole);
  RowKey draws = rowKey(streams[r], positions[r], 0, key);
  for (Word u = threadIdx.x % WARP; u < units(cols); u += WARP) {
    int c = unitColumn(u);
    Unit up = loadUnit(dy + row, c, cols, whole);
    backUnit(up, loadUnit(s + row, c, cols, whole), loadUnit(gamma, c, cols, whole), mean[r], rstd[r], avg);
    storeUnit(dResidual + row, up, c, cols, whole);
    if (threshold != 0) dropUnit(up, c, draws, threshold, scale);
    storeUnit(dx + row, up, c, cols, whole);
  }
}
