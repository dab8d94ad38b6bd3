package io.holdfast.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PhiloxTest {

  /** The known answers that Random123 publishes for philox4x32 with ten rounds. */
  @Test
  void givesTheKnownAnswers() {
    assertBlock(
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8");
    assertBlock(
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd");
    assertBlock(
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1");
  }

  private static void assertBlock(String counter, String key, String expected) {
    int[] k = words(key);
    assertArrayEquals(words(expected), Philox.block(words(counter), k[0], k[1]));
  }

  private static int[] words(String hex) {
    String[] parts = hex.split(" ");
    int[] words = new int[parts.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = Integer.parseUnsignedInt(parts[i], 16);
    }
    return words;
  }

  /** Within 32 columns, counter c % 8 gives columns c, c + 8, c + 16 and c + 24. */
  @Test
  void dealsColumnsToWords() {
    Key key = new Key(0x0123456789abcdefL);
    for (int column = 0; column < 100; column++) {
      int group = column / 32;
      int[] counter = {group * 8 + column % 8, 5, 6, 7};
      int[] block = Philox.block(counter, 0x89abcdef, 0x01234567);
      assertEquals(block[column % 32 / 8], Philox.word(key, 6, 5, column, 7), "column " + column);
    }
  }

  @Test
  void uniformIsExactAndBelowOne() {
    assertEquals(0f, Philox.uniform(0));
    assertEquals(0f, Philox.uniform(0xFF));
    assertEquals(0x1p-24f, Philox.uniform(0x100));
    assertEquals(0.5f, Philox.uniform(0x80000000));
    assertEquals(1 - 0x1p-24f, Philox.uniform(-1));
  }

  @Test
  void dropsBelowTheThreshold() {
    assertEquals(13421773 * 32, Philox.dropThreshold(0.1f)); // 0.1f = 13421773 · 2^-27
    assertTrue(Philox.keeps(0, 0));
    assertFalse(Philox.keeps(0x7FFFFFFF, 0.5f));
    assertTrue(Philox.keeps(0x80000000, 0.5f));
    for (float p : new float[] {-0.1f, 1, Float.NaN}) {
      assertThrows(IllegalArgumentException.class, () -> Philox.dropThreshold(p));
    }
  }

  /** Ten million draws over streams, positions and columns: within four standard deviations. */
  @Test
  void keepsTheRightShare() {
    Key key = Key.of(1);
    int rows = 10_000;
    int cols = 1_000;
    int[] kept = new int[2];
    float[] probabilities = {0.1f, 0.5f};
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        int word = Philox.word(key, r / 100, r % 100, c, 0);
        for (int i = 0; i < 2; i++) {
          kept[i] += Philox.keeps(word, probabilities[i]) ? 1 : 0;
        }
      }
    }
    double n = (double) rows * cols;
    for (int i = 0; i < 2; i++) {
      double p = probabilities[i];
      double sigma = Math.sqrt(n * p * (1 - p));
      assertEquals(n * (1 - p), kept[i], 4 * sigma, "p = " + p);
    }
  }

  /** Each byte of a million words over 256 bins: p > 1e-3, that is chi-square below 330.5. */
  @Test
  void bytesAreUniform() {
    int n = 1 << 20;
    int[][] bins = new int[4][256];
    for (int i = 0; i < n; i++) {
      int word = Philox.word(Key.of(2), i >> 14, i >> 8 & 63, i & 255, 3);
      for (int b = 0; b < 4; b++) {
        bins[b][word >>> 8 * b & 255]++;
      }
    }
    double expected = n / 256.0;
    for (int b = 0; b < 4; b++) {
      double chiSquare = 0;
      for (int count : bins[b]) {
        chiSquare += (count - expected) * (count - expected) / expected;
      }
      assertTrue(chiSquare < 330.5, "byte " + b + ": chi-square " + chiSquare + " at 255 degrees");
    }
  }

  /** Neighbours in any coordinate share half of their bits, within four standard deviations. */
  @Test
  void neighboursAreIndependent() {
    Key key = Key.of(3);
    Key next = key.at(0);
    int n = 100_000;
    long[] differing = new long[5];
    for (int i = 0; i < n; i++) {
      int word = Philox.word(key, 7, i % 500, i / 500, 2);
      int[] others = {
        Philox.word(next, 7, i % 500, i / 500, 2),
        Philox.word(key, 8, i % 500, i / 500, 2),
        Philox.word(key, 7, i % 500 + 1, i / 500, 2),
        Philox.word(key, 7, i % 500, i / 500 + 1, 2),
        Philox.word(key, 7, i % 500, i / 500, 3)
      };
      for (int o = 0; o < others.length; o++) {
        differing[o] += Integer.bitCount(word ^ others[o]);
      }
    }
    for (int o = 0; o < differing.length; o++) {
      assertEquals(16.0 * n, differing[o], 4 * Math.sqrt(8.0 * n), "coordinate " + o);
    }
  }
}
