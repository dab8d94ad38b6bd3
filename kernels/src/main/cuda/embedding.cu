// Rows of tables, and the sum of the three embeddings. An id that names no row gives NaN, or adds nothing, and is
// reported.

DEVICE bool names(int id, int tableRows, int* fault) {
  bool found = id >= 0 && id < tableRows;
  if (!found) *fault = BAD_ID;
  return found;
}

// Four columns of a row of a table.
template <class T>
DEVICE Quad tableQuad(const T* table, int id, int tableRows, int c, int cols, bool whole, int* fault) {
  if (names(id, tableRows, fault)) return loadQuad(table + (Long)id * cols + c, cols - c, whole);
  Quad nan = {{notANumber(), notANumber(), notANumber(), notANumber()}};
  return nan;
}

KERNEL embeddingSum(float* y, const float* words, const float* positionTable, const int* positions,
                    const float* typeTable, const int* types, int rows, int cols, int positionRows, int typeRows,
                    int* fault) {
  Word r = globalThread() / quads(cols);
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(words) | bits(positionTable) | bits(typeTable));
  int c = (int)(globalThread() % quads(cols)) * 4;
  Long i = (Long)r * cols + c;
  Quad word = loadQuad(words + i, cols - c, whole);
  Quad position = tableQuad(positionTable, positions[r], positionRows, c, cols, whole, fault);
  Quad type = tableQuad(typeTable, types[r], typeRows, c, cols, whole, fault);
#pragma unroll
  for (int k = 0; k < 4; k++) word.at[k] = word.at[k] + position.at[k] + type.at[k];
  storeQuad(y + i, word, cols - c, whole);
}
