// Rows of tables: y[r] = table[ids[r]], its backward, and the sum of the three embeddings. An id that names no row gives
// NaN, or adds nothing, and is reported.

DEVICE bool names(int id, int tableRows, int* fault) {
  bool found = id >= 0 && id < tableRows;
  if (!found) *fault = BAD_ID;
  return found;
}

// Four columns of a row of a table.
DEVICE Quad tableQuad(const float* table, int id, int tableRows, int c, int cols, bool whole, int* fault) {
  if (names(id, tableRows, fault)) return loadQuad(table + (Long)id * cols + c, cols - c, whole);
  Quad nan = {{notANumber(), notANumber(), notANumber(), notANumber()}};
  return nan;
}

KERNEL gather(float* y, const float* table, const int* ids, int rows, int cols, int tableRows, int* fault) {
  Word r = globalThread() / quads(cols);
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(table));
  int c = (int)(globalThread() % quads(cols)) * 4;
  storeQuad(y + (Long)r * cols + c, tableQuad(table, ids[r], tableRows, c, cols, whole, fault), cols - c, whole);
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

// dTable[ids[r]] += dy[r]. A block has the first row of an id and adds all of that id, in order; the others leave. Shared: a
// word for each warp.
KERNEL gatherBackward(float* dTable, const float* dy, const int* ids, int rows, int cols, int tableRows, int* fault) {
  Word* matches = sharedAs<Word>();
  int first = (int)blockIdx.x, id = ids[first];
  if (!names(id, tableRows, fault)) return;
  int earlier = 0;
  for (int r = (int)threadIdx.x; r < first; r += (int)blockDim.x) earlier |= ids[r] == id;
  if (__syncthreads_or(earlier)) return;
  bool whole = wholeQuads(cols, bits(dTable) | bits(dy));
  int warps = (int)blockDim.x / WARP;
  for (int left = 0; left < cols; left += (int)blockDim.x * 4) {
    int c = left + (int)threadIdx.x * 4;
    float* out = dTable + (Long)id * cols + c;
    Quad sum = loadQuad(out, cols - c, whole);
    for (int top = first; top < rows; top += (int)blockDim.x) {
      int r = top + (int)threadIdx.x;
      Word same = __ballot_sync(ALL_LANES, r < rows && ids[least(r, rows - 1)] == id);
      if (threadIdx.x % WARP == 0) matches[threadIdx.x / WARP] = same;
      __syncthreads();
      for (int w = 0; w < warps; w++) {
        for (Word rest = matches[w]; rest != 0; rest &= rest - 1) {
          Long row = top + w * WARP + __ffs((int)rest) - 1;
          Quad more = loadQuad(dy + row * cols + c, cols - c, whole);
#pragma unroll
          for (int k = 0; k < 4; k++) sum.at[k] += more.at[k];
        }
      }
      __syncthreads();
    }
    storeQuad(out, sum, cols - c, whole);
  }
}
