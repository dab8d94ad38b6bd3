// From one type to the other, rounded to nearest. A thread has four neighbours.

template <class Y, class X>
DEVICE void convertQuad(Y* y, const X* x, Long n) {
  Long i = (Long)globalThread() * 4;
  bool whole = wholeQuads(n, bits(y) | bits(x));
  storeQuad(y + i, loadQuad(x + i, n - i, whole), n - i, whole);
}

KERNEL toHidden(Hidden* y, const float* x, Long n) { convertQuad(y, x, n); }

KERNEL toReal(float* y, const Hidden* x, Long n) { convertQuad(y, x, n); }
