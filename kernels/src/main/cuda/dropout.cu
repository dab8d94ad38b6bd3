// y = x · keep / (1 − p): its own backward. A thread has a unit of a row.

DEVICE void dropUnit(Unit& x, int c, const RowKey& row, Word threshold, float scale) {
  UnitWords words = drawUnit(c, row);
#pragma unroll
  for (int i = 0; i < 16; i++) x.at[i] *= dropoutFactor(words.at[i], threshold, scale);
}

KERNEL dropout(Hidden* y, const Hidden* x, Word threshold, float scale, Long key, const int* streams,
               const int* positions, int rows, int cols) {
  Word r = globalThread() / units(cols);
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(x));
  int c = unitColumn(globalThread() % units(cols));
  Unit unit = loadUnit(x + (Long)r * cols, c, cols, whole);
  dropUnit(unit, c, rowKey(streams[r], positions[r], 0, key), threshold, scale);
  storeUnit(y + (Long)r * cols, unit, c, cols, whole);
}
