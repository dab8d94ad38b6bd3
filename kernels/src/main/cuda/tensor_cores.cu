// The operations of a warp on matrices of 16-bit numbers, as from compute capability 8.0 on. In the layouts of the PTX
// ISA (mma.m16n8k16, ldmatrix) lane 4g + t has, of a product of 16 × 8, rows g (numbers 0, 1) and g + 8 (2, 3) at
// columns 2t and 2t + 1. A word is two neighbours, the first in the lower half: of the left factor, 16 × 16, words are
// rows g, g + 8, g, g + 8 from columns 2t, 2t, 2t + 8, 2t + 8 on; of the right factor, 16 × 8, column g from rows 2t,
// 2t + 8 on. So two products side by side, rounded, are a left factor without any exchange.

DEVICE int lane() { return (int)threadIdx.x % WARP; }
DEVICE int laneRow() { return lane() / 4; }
DEVICE int laneColumn() { return lane() % 4 * 2; }

#ifdef EMULATED
DEVICE void multiplyAdd(float* sums, const Word* left, const Word* right, Bf16) {
  emulation::multiplyAdd(sums, left, right, emulation::fromBf16, __LINE__);
}
DEVICE void multiplyAdd(float* sums, const Word* left, const Word* right, F16) {
  emulation::multiplyAdd(sums, left, right, emulation::fromF16, __LINE__);
}
template <class Half>
DEVICE Word roundedPair(float low, float high, Half half) {
  return roundedBits(low, half) | (Word)roundedBits(high, half) << 16;
}
DEVICE void loadMatrices(Word* to, const void* row) { emulation::loadMatrices(to, row, false, __LINE__); }
DEVICE void loadTransposed(Word* to, const void* row) { emulation::loadMatrices(to, row, true, __LINE__); }
DEVICE void startCopy(void* to, const void* from) { emulation::startCopy(to, from); }
DEVICE void finishCopies() { emulation::finishCopies(); }
DEVICE float powerOf2(float x) { return exp2f(x); }
#else
#define MULTIPLY_ADD(type)                                                                                           \
  asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "   \
      "{%0, %1, %2, %3};"                                                                                            \
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])                                                   \
      : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]))

// sums += left · right
DEVICE void multiplyAdd(float* sums, const Word* left, const Word* right, Bf16) { MULTIPLY_ADD("bf16"); }
DEVICE void multiplyAdd(float* sums, const Word* left, const Word* right, F16) { MULTIPLY_ADD("f16"); }

DEVICE Word roundedPair(float low, float high, Bf16) {
  Word pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
DEVICE Word roundedPair(float low, float high, F16) {
  Word pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

DEVICE Word sharedAddress(const void* p) { return (Word)__cvta_generic_to_shared(p); }

// Four matrices of 8 × 8 from shared memory, lane 8i + r names row r of matrix i: word i is row g of it from column 2t
// on; transposed, column g from row 2t on.
DEVICE void loadMatrices(Word* to, const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(sharedAddress(row))
               : "memory");
}
DEVICE void loadTransposed(Word* to, const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(sharedAddress(row))
               : "memory");
}

// Sixteen aligned bytes to shared memory; there, for this thread, after finishCopies.
DEVICE void startCopy(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(sharedAddress(to)), "l"(from) : "memory");
}
DEVICE void finishCopies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

DEVICE float powerOf2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
#endif

// What a warp does to scores, whatever the type was: sixteen rows and 32 columns at a time, in the layout of products.

static const int SLAB = 32;
static const float LOG2_E = 1.44269504f;

// Scores of keys beyond the sequence weigh nothing; `key` is the first of 32.
DEVICE void hideBeyond(float (*scores)[4], int key, int length) {
  if (key + SLAB <= length) return;
#pragma unroll
  for (int i = 0; i < 16; i++) {
    if (key + i / 4 * 8 + laneColumn() + i % 2 >= length) scores[i / 4][i % 4] = -infinity();
  }
}

DEVICE Words scoreWords(int query, int key, const Head& head, const Drop& drop) {
  return draw((Word)(key / 32 * 8 + key % 8), rowKey(head.stream, query, head.index + 1, drop.key));
}

// Dropout factors where rows are queries and columns keys, from `query` and `key` on.
DEVICE void factorsByQuery(float (*factors)[4], int query, int key, const Head& head, const Drop& drop) {
#pragma unroll
  for (int i = 0; i < 16; i++) factors[i / 4][i % 4] = 1;
  if (drop.threshold == 0) return;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    Words words = scoreWords(query + laneRow() + i / 2 * 8, key + laneColumn() + i % 2, head, drop);
#pragma unroll
    for (int j = 0; j < 4; j++) factors[j][i] = dropoutFactor(words.at[j], drop.threshold, drop.scale);
  }
}

// Which key of its tile row r of a block is. A thread has rows g and g + 8 of its warp's sixteen; so ordered, they and
// those of the thread four lanes beside are the four keys of one counter.
DEVICE int keyOfRow(int r) { return r / 32 * 32 + r / 16 % 2 * 4 + r % 8 / 2 + r % 2 * 16 + r / 8 % 2 * 8; }

// Dropout factors where rows are keys, in the order of keyOfRow, and columns queries, from `query` on; `key` is that of
// row g. Of two threads with the same counters one draws for the even columns, one for the odd, and each gives the
// other the words of its keys.
DEVICE void factorsByKey(float (*factors)[4], int query, int key, const Head& head, const Drop& drop) {
#pragma unroll
  for (int i = 0; i < 16; i++) factors[i / 4][i % 4] = 1;
  if (drop.threshold == 0) return;
  bool odd = laneRow() % 2 == 1;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    Words words = scoreWords(query + j * 8 + laneColumn() + odd, key, head, drop);
#pragma unroll
    for (int half = 0; half < 2; half++) {
      Word kept = odd ? words.at[2 + half] : words.at[half], given = odd ? words.at[half] : words.at[2 + half];
      Word got = __shfl_xor_sync(ALL_LANES, given, 4);
      factors[j][half * 2] = dropoutFactor(odd ? got : kept, drop.threshold, drop.scale);
      factors[j][half * 2 + 1] = dropoutFactor(odd ? kept : got, drop.threshold, drop.scale);
    }
  }
}

// Makes of S, M∘P, P = exp(S/√D − lse), and of dP, P∘(M∘dP − delta), which is dS·√D.
DEVICE void scoreGradient(float& s, float& dp, float factor, float scale, float logSum, float delta) {
  float p = powerOf2(s * scale - logSum);
  s = p * factor;
  dp = p * (factor * dp - delta);
}
