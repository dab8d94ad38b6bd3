// Sums over rows, in two launches: a block adds up a strip of 32 columns of a share of the rows, then each column's shares
// are added in order. Threads: 32 columns × 8 rows at a time.

static const int COLUMN_ROWS = 8;

// Rows from … to of this block's share.
struct Share {
  int from, to;
};

DEVICE Share share(int rows) {
  int size = (rows + (int)gridDim.y - 1) / (int)gridDim.y;
  Share s = {least((int)blockIdx.y * size, rows), least(((int)blockIdx.y + 1) * size, rows)};
  return s;
}

// Adds the block's eight rows of sums in order, and stores them as row blockIdx.y of partials.
DEVICE void storePartial(float* partials, float sum, int c, int cols, float* shared) {
  __syncthreads();
  shared[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x < WARP && c < cols) {
    float total = 0;
    for (int t = 0; t < COLUMN_ROWS; t++) total += shared[t * WARP + threadIdx.x];
    partials[(Long)blockIdx.y * cols + c] = total;
  }
}

KERNEL columnPartials(float* partials, const Hidden* x, int rows, int cols) {
  float* shared = sharedAs<float>();
  int c = (int)(blockIdx.x * WARP + threadIdx.x % WARP);
  Share s = share(rows);
  float sum = 0;
  for (int r = s.from + (int)threadIdx.x / WARP; r < s.to && c < cols; r += COLUMN_ROWS) sum += real(x[(Long)r * cols + c]);
  storePartial(partials, sum, c, cols, shared);
}

// Partials of dGamma = Σ dy · n, n = (x − mean) · rstd, and of dBeta = Σ dy.
KERNEL normPartials(float* gammaPartials, float* betaPartials, const Hidden* dy, const Hidden* x, const float* mean,
                    const float* rstd, int rows, int cols) {
  float* shared = sharedAs<float>();
  int c = (int)(blockIdx.x * WARP + threadIdx.x % WARP);
  Share s = share(rows);
  float sumGamma = 0, sumBeta = 0;
  for (int r = s.from + (int)threadIdx.x / WARP; r < s.to && c < cols; r += COLUMN_ROWS) {
    Long i = (Long)r * cols + c;
    float up = real(dy[i]);
    sumGamma += up * ((real(x[i]) - mean[r]) * rstd[r]);
    sumBeta += up;
  }
  storePartial(gammaPartials, sumGamma, c, cols, shared);
  storePartial(betaPartials, sumBeta, c, cols, shared);
}

// out += the partials, in order
KERNEL addPartials(float* out, const float* partials, int count, int cols) {
  Word c = globalThread();
  if (c >= (Word)cols) return;
  float sum = 0;
  for (int p = 0; p < count; p++) sum += partials[(Long)p * cols + c];
  out[c] += sum;
}

// Every row of y is b.
KERNEL fillRows(Hidden* y, const Hidden* b, int rows, int cols) {
  Word r = globalThread() / quads(cols);
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(b));
  int c = (int)(globalThread() % quads(cols)) * 4;
  storeQuad(y + (Long)r * cols + c, loadQuad(b + c, cols - c, whole), cols - c, whole);
}
