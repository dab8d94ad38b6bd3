package io.holdfast.kernels;

/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): a counter-based generator, four 32-bit words
 * from a 128-bit counter and a 64-bit key. This is the definition; the C++ and CUDA kernels give
 * the same bits.
 *
 * <p>The word for one element of a tensor has the counter {@code (block(column), position, stream,
 * head)}. Columns are dealt to words so that eight neighbours come from eight counters: {@code
 * block = column / 32 * 8 + column % 8}, word {@code = column / 8 % 4}. A vector unit then fills 32
 * columns with four contiguous stores.
 */
public final class Philox {

  private static final int MULTIPLIER_0 = 0xD2511F53;
  private static final int MULTIPLIER_1 = 0xCD9E8D57;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;

  private Philox() {}

  /** The word of one element. */
  public static int word(Key key, int stream, int position, int column, int head) {
    int[] counter = {column / 32 * 8 + column % 8, position, stream, head};
    return block(counter, (int) key.bits(), (int) (key.bits() >>> 32))[column / 8 % 4];
  }

  /** Uniform in [0, 1): the upper 24 bits of the word, exact in fp32. */
  public static float uniform(int word) {
    return (word >>> 8) * 0x1p-24f;
  }

  /**
   * True where dropout keeps the element: the word is at or above the threshold of {@link
   * #dropThreshold}.
   */
  public static boolean keeps(int word, float probability) {
    return Integer.compareUnsigned(word, dropThreshold(probability)) >= 0;
  }

  /** {@code round(probability × 2^32)}, as an unsigned word: an element below it is dropped. */
  public static int dropThreshold(float probability) {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException(
          "dropout probability " + probability + " is not in [0, 1)");
    }
    return (int) Math.round(probability * 0x1p32);
  }

  /** Ten rounds over a counter of four words. */
  static int[] block(int[] counter, int key0, int key1) {
    int c0 = counter[0];
    int c1 = counter[1];
    int c2 = counter[2];
    int c3 = counter[3];
    for (int round = 0; round < 10; round++) {
      long product0 = (MULTIPLIER_0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
      long product1 = (MULTIPLIER_1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
      c0 = (int) (product1 >>> 32) ^ c1 ^ key0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ key1;
      c3 = (int) product0;
      key0 += WEYL_0;
      key1 += WEYL_1;
    }
    return new int[] {c0, c1, c2, c3};
  }
}
