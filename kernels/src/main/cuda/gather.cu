// y[r] = table[ids[r]], and its backward.

KERNEL gather(Hidden* y, const Hidden* table, const int* ids, int rows, int cols, int tableRows, int* fault) {
  Word r = globalThread() / quads(cols);
  if (r >= (Word)rows) return;
  bool whole = wholeQuads(cols, bits(y) | bits(table));
  int c = (int)(globalThread() % quads(cols)) * 4;
  storeQuad(y + (Long)r * cols + c, tableQuad(table, ids[r], tableRows, c, cols, whole, fault), cols - c, whole);
}

// dTable[ids[r]] += dy[r]. A block has the first row of an id and adds all of that id, in order; the others leave. Shared: a
// word for each warp.
KERNEL gatherBackward(Hidden* dTable, const Hidden* dy, const int* ids, int rows, int cols, int tableRows, int* fault) {
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
    Hidden* out = dTable + (Long)id * cols + c;
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
