// y = x + z, z uniform in (−eps, eps) or normal with standard deviation eps. A thread has a unit of a row.

DEVICE float uniform(Word word) { return (float)(word >> 8) * (1.0f / 16777216); }

KERNEL addNoise(Hidden* y, const Hidden* x, int normal, float eps, Long key, const int* streams, const int* positions,
                int rows, int cols) {
  Word r = globalThread() / units(cols);
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(x));
  int c = unitColumn(globalThread() % units(cols));
  Unit unit = loadUnit(x + (Long)r * cols, c, cols, whole);
  UnitWords words = drawUnit(c, rowKey(streams[r], positions[r], 0, key));
  if (!normal) {
#pragma unroll
    for (int i = 0; i < 16; i++) unit.at[i] += eps * (2.0f * uniform(words.at[i]) - 1.0f);
  } else {
    // Box–Muller: words 0 and 1 of a counter give a cosine and a sine, words 2 and 3 the next.
#pragma unroll
    for (int i = 0; i < 16; i++) {
      if (i / 4 % 2 == 1) continue;
      float radius = eps * sqrtf(-2.0f * logf(1.0f - uniform(words.at[i])));
      float sine, cosine;
      sincospif(2.0f * uniform(words.at[i + 4]), &sine, &cosine);
      unit.at[i] += radius * cosine;
      unit.at[i + 4] += radius * sine;
    }
  }
  storeUnit(y + (Long)r * cols, unit, c, cols, whole);
}
