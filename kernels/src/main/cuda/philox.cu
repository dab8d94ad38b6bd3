// Philox4x32-10, bit for bit io.holdfast.kernels.Philox.

// Names the numbers of one row: all that the counter holds but the column.
struct RowKey {
  Word position, stream, head, key0, key1;
};

DEVICE RowKey rowKey(int stream, int position, int head, Long key) {
  RowKey row = {(Word)position, (Word)stream, (Word)head, (Word)key, (Word)((unsigned long long)key >> 32)};
  return row;
}

struct Words {
  Word at[4];
};

DEVICE Words draw(Word block, const RowKey& row) {
  const Word multiplier0 = 0xD2511F53u, multiplier1 = 0xCD9E8D57u;
  Word c0 = block, c1 = row.position, c2 = row.stream, c3 = row.head, key0 = row.key0, key1 = row.key1;
#pragma unroll
  for (int round = 0; round < 10; round++) {
    Word high0 = __umulhi(multiplier0, c0), low0 = multiplier0 * c0;
    Word high1 = __umulhi(multiplier1, c2), low1 = multiplier1 * c2;
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  Words words = {{c0, c1, c2, c3}};
  return words;
}

// The words of a unit's columns from c on.
struct UnitWords {
  Word at[16];
};

DEVICE UnitWords drawUnit(int c, const RowKey& row) {
  UnitWords unit;
#pragma unroll
  for (int k = 0; k < 4; k++) {
    Words words = draw((Word)(c / 32 * 8 + c % 8 + k), row);
#pragma unroll
    for (int w = 0; w < 4; w++) unit.at[4 * w + k] = words.at[w];
  }
  return unit;
}

// Dropout as a factor: 0 below the threshold, else scale = 1 / (1 − p). x · 0 stays NaN where x is.
DEVICE float dropoutFactor(Word word, Word threshold, float scale) { return word >= threshold ? scale : 0.0f; }
