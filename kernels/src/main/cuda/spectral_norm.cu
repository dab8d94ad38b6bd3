// W over its largest singular value, which power iteration estimates, and the backward. Sums in double. One block iterates:
// it is a head's matrix, which stays in the cache.

// x / max(‖x‖, 1e-12)
DEVICE void normalizeVector(float* x, int n, double* shared) {
  double sum = 0;
  for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) sum += (double)x[i] * (double)x[i];
  double norm = sqrt(blockSum(sum, shared));
  if (norm < 1e-12) norm = 1e-12;
  for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) x[i] = (float)(x[i] / norm);
  __syncthreads();
}

// w[r] · v, in every lane of a warp.
DEVICE double rowProduct(const float* row, const float* v, int cols) {
  double sum = 0;
  for (int c = (int)(threadIdx.x % WARP); c < cols; c += WARP) sum += (double)row[c] * (double)v[c];
  return warpSum(sum);
}

// iterations times v = normalize(Wᵀu), u = normalize(Wv); then sigma = uᵀWv
WIDE_KERNEL powerIteration(float* sigma, float* u, float* v, const float* w, int iterations, int rows, int cols) {
  double* shared = sharedAs<double>();
  int warp = (int)threadIdx.x / WARP, warps = (int)blockDim.x / WARP;
  for (int i = 0; i < iterations; i++) {
    for (int c = (int)threadIdx.x; c < cols; c += (int)blockDim.x) {
      double sum = 0;
      for (int r = 0; r < rows; r++) sum += (double)u[r] * (double)w[(Long)r * cols + c];
      v[c] = (float)sum;
    }
    normalizeVector(v, cols, shared);  // each thread its own columns
    for (int r = warp; r < rows; r += warps) {
      double product = rowProduct(w + (Long)r * cols, v, cols);
      if (threadIdx.x % WARP == 0) u[r] = (float)product;
    }
    __syncthreads();
    normalizeVector(u, rows, shared);
  }
  double sum = 0;
  for (int r = warp; r < rows; r += warps) {
    double product = u[r] * rowProduct(w + (Long)r * cols, v, cols);
    if (threadIdx.x % WARP == 0) sum += product;
  }
  sum = blockSum(sum, shared);
  if (threadIdx.x == 0) sigma[0] = (float)sum;
}

DEVICE bool divides(float sigma, int atMostOne) { return !(atMostOne && sigma <= 1); }

// y = W / sigma, or W / max(1, sigma)
KERNEL divideBySigma(float* y, const float* w, const float* sigma, int atMostOne, Long n) {
  Long i = (Long)globalThread() * 4;
  bool whole = wholeQuads(n, bits(y) | bits(w));
  float divisor = divides(sigma[0], atMostOne) ? sigma[0] : 1.0f;
  Quad q = loadQuad(w + i, n - i, whole);
#pragma unroll
  for (int k = 0; k < 4; k++) q.at[k] /= divisor;
  storeQuad(y + i, q, n - i, whole);
}

// inner = <dy, y>, by one block
WIDE_KERNEL innerProduct(double* inner, const float* dy, const float* y, Long n) {
  double* shared = sharedAs<double>();
  double sum = 0;
  for (Long i = threadIdx.x; i < n; i += blockDim.x) sum += (double)dy[i] * (double)y[i];
  sum = blockSum(sum, shared);
  if (threadIdx.x == 0) inner[0] = sum;
}

// dw += (dy − inner · u vᵀ) / sigma, or dy where nothing was divided
KERNEL spectralNormBackward(float* dw, const float* dy, const double* inner, const float* sigma, const float* u,
                            const float* v, int atMostOne, int rows, int cols) {
  Word r = globalThread() / (Word)cols;
  if (r >= (Word)rows) return;
  Word c = globalThread() % (Word)cols;
  Long i = (Long)r * cols + c;
  bool divided = divides(sigma[0], atMostOne);
  float left = divided ? (float)(inner[0] * u[r]) : 0.0f;
  dw[i] += (dy[i] - left * v[c]) / (divided ? sigma[0] : 1.0f);
}
