package io.holdfast.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class KeyTest {

  /** A thousand steps of ten sites for a hundred seeds. */
  @Test
  void aMillionDerivedKeysDiffer() {
    long[] bits = new long[1_000_000];
    int n = 0;
    for (int seed = 0; seed < 100; seed++) {
      for (int step = 0; step < 1000; step++) {
        Key key = Key.of(seed).at(step);
        for (int site = 0; site < 10; site++) {
          bits[n++] = key.at(site).bits();
        }
      }
    }
    Arrays.sort(bits);
    for (int i = 1; i < bits.length; i++) {
      assertNotEquals(bits[i - 1], bits[i]);
    }
  }

  @Test
  void orderAndDepthMatter() {
    Key key = Key.of(5);
    assertNotEquals(key.at(1).at(2), key.at(2).at(1));
    assertNotEquals(key, key.at(0));
    assertNotEquals(key.at(0), key.at(0).at(0));
    assertNotEquals(Key.of(1).at(2), Key.of(2).at(1));
    assertEquals(Key.of(5).at(1).at(2), key.at(1).at(2));
  }

  /** One bit of the seed or of the index flips each bit of the key half of the time, ± 5 σ. */
  @Test
  void oneBitInChangesHalfOfTheBitsOut() {
    int n = 4000;
    int[][] flips = new int[2][64];
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < n; i++) {
      long value = random.nextLong();
      long flipped = value ^ 1L << i % 64;
      count(flips[0], Key.of(value).bits() ^ Key.of(flipped).bits());
      count(flips[1], Key.of(9).at(value).bits() ^ Key.of(9).at(flipped).bits());
    }
    double sigma = Math.sqrt(n / 4.0);
    for (int[] counts : flips) {
      for (int bit = 0; bit < 64; bit++) {
        double off = Math.abs(counts[bit] - n / 2.0);
        assertTrue(off <= 5 * sigma, "bit " + bit + " flips " + counts[bit] + " of " + n);
      }
    }
  }

  private static void count(int[] flips, long changed) {
    for (int bit = 0; bit < 64; bit++) {
      flips[bit] += (int) (changed >>> bit & 1);
    }
  }
}
