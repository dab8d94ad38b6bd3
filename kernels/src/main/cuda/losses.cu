// Loss and gradient of each example in one pass, in double: rows are short and few. A warp has a row.

DEVICE double logSumExp(const float* x, int n) {
  Word lane = threadIdx.x % WARP;
  double top = x[0];
  for (int c = (int)lane; c < n; c += WARP) top = x[c] > top || x[c] != x[c] ? (double)x[c] : top;
  top = warpMax(top);
  double sum = 0;
  for (int c = (int)lane; c < n; c += WARP) sum += exp(x[c] - top);
  return top + log(warpSum(sum));
}

// loss = −ln p[label], dLogits = scale · (p − onehot)
KERNEL crossEntropy(float* loss, float* dLogits, const float* logits, const int* labels, float scale, int rows, int cols,
                    int* fault) {
  Word r = globalThread() / WARP, lane = threadIdx.x % WARP;
  if (r >= (Word)rows) return;
  const float* x = logits + (Long)r * cols;
  int label = labels[r];
  bool found = names(label, cols, fault);
  double lse = logSumExp(x, cols);
  if (lane == 0) loss[r] = found ? (float)(lse - x[label]) : notANumber();
  for (int c = (int)lane; c < cols && dLogits; c += WARP) {
    dLogits[(Long)r * cols + c] = (float)(scale * (exp(x[c] - lse) - (c == label ? 1 : 0)));
  }
}

// kl = Σ (p − q) · d, d = ln p − ln q; dP += scale · (p (d − KL(p‖q)) + p − q), dQ likewise with p and q exchanged
KERNEL symmetricKl(float* kl, float* dP, float* dQ, const float* pLogits, const float* qLogits, float scale, int rows,
                   int cols) {
  Word r = globalThread() / WARP, lane = threadIdx.x % WARP;
  if (r >= (Word)rows) return;
  const float* x = pLogits + (Long)r * cols;
  const float* z = qLogits + (Long)r * cols;
  double lseP = logSumExp(x, cols), lseQ = logSumExp(z, cols);
  double klPQ = 0, klQP = 0;
  for (int c = (int)lane; c < cols; c += WARP) {
    double lnP = x[c] - lseP, lnQ = z[c] - lseQ;
    klPQ += exp(lnP) * (lnP - lnQ);
    klQP += exp(lnQ) * (lnQ - lnP);
  }
  klPQ = warpSum(klPQ);
  klQP = warpSum(klQP);
  if (lane == 0) kl[r] = (float)(klPQ + klQP);
  for (int c = (int)lane; c < cols; c += WARP) {
    double lnP = x[c] - lseP, lnQ = z[c] - lseQ;
    double p = exp(lnP), q = exp(lnQ), d = lnP - lnQ;
    if (dP) dP[(Long)r * cols + c] += (float)(scale * (p * (d - klPQ) + p - q));
    if (dQ) dQ[(Long)r * cols + c] += (float)(scale * (q * (-d - klQP) + q - p));
  }
}

// loss = (x − target)², dx = 2 · scale · (x − target)
KERNEL squaredError(float* loss, float* dx, const float* x, const float* target, float scale, int rows) {
  Word r = globalThread();
  if (r >= (Word)rows) return;
  double d = (double)x[r] - target[r];
  loss[r] = (float)(d * d);
  if (dx) dx[r] = (float)(2.0 * scale * d);
}
