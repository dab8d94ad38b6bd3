// tanh of the head. A thread has four neighbours.

KERNEL tanhForward(float* y, const float* x, Long n) {
  Long i = (Long)globalThread() * 4;
  bool whole = wholeQuads(n, bits(y) | bits(x));
  Quad q = loadQuad(x + i, n - i, whole);
#pragma unroll
  for (int k = 0; k < 4; k++) q.at[k] = tanhf(q.at[k]);
  storeQuad(y + i, q, n - i, whole);
}

// dx = dy · (1 − y²)
KERNEL tanhBackward(float* dx, const float* dy, const float* y, Long n) {
  Long i = (Long)globalThread() * 4;
  bool whole = wholeQuads(n, bits(dx) | bits(dy) | bits(y));
  Quad up = loadQuad(dy + i, n - i, whole), out = loadQuad(y + i, n - i, whole);
#pragma unroll
  for (int k = 0; k < 4; k++) up.at[k] *= 1.0f - out.at[k] * out.at[k];
  storeQuad(dx + i, up, n - i, whole);
}
