// What all kernels of attention share, whatever the type of their numbers: the part of a launch that a block has.

static const int TILE = 64;  // queries, or keys, of a block

// One head of one sequence: where its rows begin, how far they are apart, and what names its dropout.
struct Head {
  int start, length, size, index, stream;
  Long stride, width;  // of rows of qkv and of ctx

  __device__ Long inQkv(int row) const { return (Long)(start + row) * stride + (Long)index * size; }
  __device__ Long inCtx(int row) const { return (Long)(start + row) * width + (Long)index * size; }
};

struct Drop {
  Word threshold;
  float scale;
  Long key;
};

// The head of this block. Sequences that do not fill the rows, or are longer than the launch, are reported, and empty.
DEVICE Head thisHead(const int* starts, const int* streams, int rows, int heads, int size, int* fault) {
  int b = (int)blockIdx.z, start = starts[b], end = starts[b + 1];
  bool fits = start >= 0 && end >= start && end <= rows && end - start <= (int)gridDim.x * TILE;
  fits = fits && (b > 0 || start == 0) && (b + 1 < (int)gridDim.z || end == rows);
  if (!fits) *fault = BAD_SEQUENCE;
  Head head = {start, fits ? end - start : 0, size, (int)blockIdx.y, streams[b], (Long)3 * heads * size,
               (Long)heads * size};
  return head;
}

DEVICE float infinity() { return __int_as_float(0x7F800000); }
