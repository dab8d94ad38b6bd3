package io.holdfast.engine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

class BatchesTest {

  private static int[] lengths(int n, long seed) {
    Random random = new Random(seed);
    int[] lengths = new int[n];
    Arrays.setAll(lengths, i -> 3 + (int) (Math.exp(random.nextGaussian() * 0.6 + 3)) % 126);
    return lengths;
  }

  private static Batches of(int[] lengths, int examples, int tokens, boolean group) {
    return new Batches(lengths, new Batches.Limits(examples, tokens, group));
  }

  private static int[] flat(List<int[]> batches) {
    return batches.stream().flatMapToInt(Arrays::stream).toArray();
  }

  private static int tokens(int[] lengths, int[] batch) {
    return Arrays.stream(batch).map(i -> lengths[i]).sum();
  }

  @Test
  void everyExampleIsInOneBatchWithinLimitsAndBounds() {
    Random random = new Random(1);
    for (int round = 0; round < 300; round++) {
      int[] lengths = lengths(1 + random.nextInt(700), round);
      int examples = round % 3 == 0 ? 0 : 1 + random.nextInt(40);
      int tokens = round % 3 == 1 ? 0 : 129 + random.nextInt(2000);
      Batches batches = of(lengths, examples, tokens, round % 2 == 0);
      Batches.Bounds bounds = batches.bounds();
      List<List<int[]>> orders =
          List.of(batches.training(round, 0), batches.training(round, 7), batches.evaluation());
      for (List<int[]> order : orders) {
        int[] sorted = flat(order);
        Arrays.sort(sorted);
        for (int i = 0; i < lengths.length; i++) {
          assertEquals(i, sorted[i]);
        }
        assertEquals(lengths.length, sorted.length);
        for (int[] batch : order) {
          int sum = tokens(lengths, batch);
          assertTrue(batch.length > 0 && (examples == 0 || batch.length <= examples));
          assertTrue(tokens == 0 || sum <= tokens);
          assertTrue(batch.length <= bounds.sequences() && sum <= bounds.tokens());
        }
      }
      assertEquals(Arrays.stream(lengths).max().getAsInt(), bounds.maxLength());
    }
  }

  @Test
  void boundsAreThoseOfTheWorstBatch() {
    int[] lengths = {5, 1, 9, 2, 7};
    // The two longest; the two of them.
    assertEquals(new Batches.Bounds(2, 16, 9), of(lengths, 2, 0, false).bounds());
    // 1 + 2 + 5 = 8 of 10 tokens: three fit.
    assertEquals(new Batches.Bounds(3, 10, 9), of(lengths, 0, 10, false).bounds());
    assertEquals(new Batches.Bounds(2, 10, 9), of(lengths, 2, 10, false).bounds());
    assertEquals(new Batches.Bounds(5, 24, 9), of(lengths, 8, 100, false).bounds());
  }

  @Test
  void theOrderIsAPureFunctionOfSeedAndEpoch() {
    int[] lengths = lengths(1000, 3);
    for (boolean group : new boolean[] {false, true}) {
      int[] order = flat(of(lengths, 16, 0, group).training(42, 3));
      Batches fresh = of(lengths, 16, 0, group);
      fresh.training(42, 0);
      assertArrayEquals(order, flat(fresh.training(42, 3)));
      assertFalse(Arrays.equals(order, flat(fresh.training(42, 4))));
      assertFalse(Arrays.equals(order, flat(fresh.training(43, 3))));
    }
  }

  /**
   * Each of 6 orders of 3 examples 1/6 of the time: chi-square of 5 degrees below 20.5 (p .001).
   */
  @Test
  void everyOrderIsEquallyLikely() {
    int[] counts = new int[27];
    int rounds = 12_000;
    Batches batches = of(new int[] {1, 1, 1}, 3, 0, false);
    for (int seed = 0; seed < rounds; seed++) {
      int[] order = batches.training(seed, seed % 5).get(0);
      counts[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    double expected = rounds / 6.0;
    double chiSquare = 0;
    int orders = 0;
    for (int count : counts) {
      chiSquare += count == 0 ? 0 : (count - expected) * (count - expected) / expected;
      orders += count == 0 ? 0 : 1;
    }
    assertEquals(6, orders);
    assertTrue(chiSquare < 20.5, "chi-square " + chiSquare);
  }

  @Test
  void groupingMakesTheLengthsOfABatchAlikeAndKeepsBatchesMixed() {
    int[] lengths = lengths(4000, 5);
    double apart = spread(lengths, of(lengths, 32, 0, false).training(1, 0));
    List<int[]> grouped = of(lengths, 32, 0, true).training(1, 0);
    double together = spread(lengths, grouped);
    assertTrue(together < apart / 4, together + " against " + apart);
    // Neighbouring batches are not in order of length.
    int rising = 0;
    for (int b = 1; b < grouped.size(); b++) {
      rising += tokens(lengths, grouped.get(b)) > tokens(lengths, grouped.get(b - 1)) ? 1 : 0;
    }
    assertEquals(0.5, rising / (grouped.size() - 1.0), 0.15);
  }

  private static double spread(int[] lengths, List<int[]> batches) {
    return batches.stream()
        .mapToInt(
            b ->
                Arrays.stream(b).map(i -> lengths[i]).max().getAsInt()
                    - Arrays.stream(b).map(i -> lengths[i]).min().getAsInt())
        .average()
        .getAsDouble();
  }

  @Test
  void evaluationBeginsWithTheLongest() {
    int[] lengths = {4, 9, 4, 7};
    assertArrayEquals(new int[] {1, 3, 0, 2}, flat(of(lengths, 3, 0, false).evaluation()));
    List<int[]> batches = of(lengths, 0, 11, false).evaluation();
    assertArrayEquals(new int[] {1}, batches.get(0));
    assertArrayEquals(new int[] {3, 0}, batches.get(1));
    assertArrayEquals(new int[] {2}, batches.get(2));
  }

  @Test
  void updatesAreBatchesInTheirOrder() {
    Batches batches = of(lengths(103, 9), 8, 0, false);
    List<List<int[]>> updates = batches.updates(5, 2, 4);
    // 13 batches: 4 + 4 + 4 + 1.
    assertEquals(List.of(4, 4, 4, 1), updates.stream().map(List::size).toList());
    List<int[]> all = new ArrayList<>();
    updates.forEach(all::addAll);
    assertArrayEquals(flat(batches.training(5, 2)), flat(all));
    assertEquals(7, all.get(12).length);
  }

  @Test
  void aRowOverTheTokenLimitIsRefused() {
    HoldfastException e =
        assertThrows(HoldfastException.class, () -> of(new int[] {5, 90, 7}, 8, 64, false));
    assertEquals(HoldfastException.Kind.USAGE, e.kind());
    assertEquals(
        "--max-tokens 64 is below the longest row (90 tokens): raise it, or lower"
            + " --max-seq-length",
        e.getMessage());
    assertThrows(HoldfastException.class, () -> of(new int[] {5}, 0, 0, false));
  }

  @Test
  void fourHundredThousandExamplesAreOrderedWithoutQuadraticWork() {
    int[] lengths = lengths(400_000, 11);
    Batches batches = of(lengths, 32, 4400, true);
    List<int[]> order =
        Assertions.assertTimeout(Duration.ofSeconds(20), () -> batches.training(1, 1));
    assertEquals(400_000, flat(order).length);
  }
}
