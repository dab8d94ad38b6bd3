// The optimiser: Σ x² for clipping, AdamW, and y = a · x + b · y. A thread has four neighbours.

// partials[block] = Σ x² of its share.
KERNEL sumOfSquares(double* partials, const float* x, Long n) {
  double* shared = sharedAs<double>();
  bool whole = wholeQuads(n, bits(x));
  double sum = 0;
  for (Long i = (Long)globalThread() * 4; i < n; i += (Long)gridDim.x * blockDim.x * 4) {
    Quad q = loadQuad(x + i, n - i, whole);
#pragma unroll
    for (int k = 0; k < 4; k++) sum += (double)q.at[k] * (double)q.at[k];
  }
  sum = blockSum(sum, shared);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

// decay = lr·wd; w ← w − (decay·w + rate·m / (root·√v + epsilon)): rate and root hold the bias corrections. A decay below
// the roundoff of 1 would be lost in 1 − decay.
KERNEL adamw(float* w, float* m, float* v, const float* g, float gradientScale, float beta1, float oneMinusBeta1,
             float beta2, float oneMinusBeta2, float decay, float rate, float root, float epsilon, Long n) {
  Long i = (Long)globalThread() * 4;
  bool whole = wholeQuads(n, bits(w) | bits(m) | bits(v) | bits(g));
  Quad weight = loadQuad(w + i, n - i, whole), first = loadQuad(m + i, n - i, whole);
  Quad second = loadQuad(v + i, n - i, whole), gradient = loadQuad(g + i, n - i, whole);
#pragma unroll
  for (int k = 0; k < 4; k++) {
    float scaled = gradientScale * gradient.at[k];
    first.at[k] = beta1 * first.at[k] + oneMinusBeta1 * scaled;
    second.at[k] = beta2 * second.at[k] + oneMinusBeta2 * scaled * scaled;
    weight.at[k] -= decay * weight.at[k] + rate * first.at[k] / (root * sqrtf(second.at[k]) + epsilon);
  }
  storeQuad(w + i, weight, n - i, whole);
  storeQuad(m + i, first, n - i, whole);
  storeQuad(v + i, second, n - i, whole);
}

KERNEL axpby(float* y, float a, const float* x, float b, Long n) {
  Long i = (Long)globalThread() * 4;
  bool whole = wholeQuads(n, bits(y) | bits(x));
  Quad in = loadQuad(x + i, n - i, whole), out = loadQuad(y + i, n - i, whole);
#pragma unroll
  for (int k = 0; k < 4; k++) out.at[k] = a * in.at[k] + b * out.at[k];
  storeQuad(y + i, out, n - i, whole);
}
