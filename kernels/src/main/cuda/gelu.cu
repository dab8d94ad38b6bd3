// gelu(x + b) with the exact Φ. A thread has four neighbours.

DEVICE float normalCdf(float t) { return 0.5f * erfcf(t * -0.707106781f); }

// y = t · Φ(t), t = x + b
KERNEL biasGelu(Hidden* y, const Hidden* x, const float* b, int rows, int cols) {
  Word r = globalThread() / quads(cols);
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(x) | bits(b));
  int c = (int)(globalThread() % quads(cols)) * 4;
  Long i = (Long)r * cols + c;
  Quad in = loadQuad(x + i, cols - c, whole), bias = loadQuad(b + c, cols - c, whole);
#pragma unroll
  for (int k = 0; k < 4; k++) {
    float t = in.at[k] + bias.at[k];
    in.at[k] = t * normalCdf(t);
  }
  storeQuad(y + i, in, cols - c, whole);
}

// dx = dy · (Φ(t) + t · φ(t)), φ(t) = e^(−t²/2) / √(2π)
KERNEL biasGeluBackward(Hidden* dx, const Hidden* dy, const Hidden* x, const float* b, int rows, int cols) {
  Word r = globalThread() / quads(cols);
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(dx) | bits(dy) | bits(x) | bits(b));
  int c = (int)(globalThread() % quads(cols)) * 4;
  Long i = (Long)r * cols + c;
  Quad in = loadQuad(x + i, cols - c, whole), bias = loadQuad(b + c, cols - c, whole);
  Quad up = loadQuad(dy + i, cols - c, whole);
#pragma unroll
  for (int k = 0; k < 4; k++) {
    float t = in.at[k] + bias.at[k];
    up.at[k] *= normalCdf(t) + t * expf(-0.5f * t * t) * 0.398942280f;
  }
  storeQuad(dx + i, up, cols - c, whole);
}
