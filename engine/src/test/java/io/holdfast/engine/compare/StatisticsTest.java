package io.holdfast.engine.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.compare.Statistics.Interval;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StatisticsTest {

  private static final double[] FOUR = {4, 1, 3, 2};

  @Test
  void momentsOfFourNumbers() {
    assertEquals(2.5, Statistics.mean(FOUR));
    assertEquals(Math.sqrt(5 / 3.0), Statistics.deviation(FOUR), 1e-15); // (2.25+.25)·2 / 3
    assertEquals(2.5, Statistics.median(FOUR));
    assertEquals(1.75, Statistics.quantile(FOUR, 0.25)); // rank 0.75: 1 + 0.75
    assertEquals(1, Statistics.quantile(FOUR, 0));
    assertEquals(4, Statistics.quantile(FOUR, 1));
    assertEquals(3, Statistics.median(new double[] {9, 3, 1}));
  }

  @Test
  void fewNumbersHaveWhatTheyCanHave() {
    assertEquals(7, Statistics.mean(new double[] {7}));
    assertTrue(Double.isNaN(Statistics.deviation(new double[] {7})));
    assertEquals(new Interval(7, 7), Statistics.bootstrap(new double[] {7}));
    assertTrue(Double.isNaN(Statistics.mean(new double[0])));
    assertTrue(Double.isNaN(Statistics.median(new double[0])));
    assertTrue(Double.isNaN(Statistics.bootstrap(new double[0]).low()));
    assertTrue(Double.isNaN(Statistics.permutation(new double[0])));
  }

  /** The mean of resamples of one 1 among n − 1 zeros is Binomial(n, 1/n) / n. */
  @Test
  void bootstrapHasTheQuantilesOfTheBinomial() {
    // n = 2: 0, ½, 1 with ¼, ½, ¼: both ends are in the interval.
    assertEquals(new Interval(0, 1), Statistics.bootstrap(new double[] {0, 1}));
    // n = 4: P(≥ 3) = 0.0508 > 0.025 > P(4) = 0.0039.
    assertEquals(new Interval(0, 0.75), Statistics.bootstrap(new double[] {0, 0, 0, 1}));
    // n = 10: P(≥ 3) = 0.0702 > 0.025 > P(≥ 4) = 0.0128.
    double[] ten = new double[10];
    ten[7] = 1;
    assertEquals(0.3, Statistics.bootstrap(ten).high(), 1e-12);
  }

  /** For many numbers it is that of the normal distribution: mean ± 1.96 s / √n. */
  @Test
  void bootstrapOfManyIsNormal() {
    SplittableRandom random = new SplittableRandom(4);
    double[] x = random.doubles(200).toArray();
    double half = 1.96 * Statistics.deviation(x) * Math.sqrt(199 / 200.0) / Math.sqrt(200);
    Interval interval = Statistics.bootstrap(x);
    // The quantile of 10,000 has a standard error of √(0.025·0.975/10⁴)/φ(1.96) = 0.027 σ.
    double error = 4 * 0.027 * half / 1.96;
    assertEquals(Statistics.mean(x) - half, interval.low(), error);
    assertEquals(Statistics.mean(x) + half, interval.high(), error);
    assertEquals(interval, Statistics.bootstrap(x));
  }

  @Test
  void permutationCountsTheFlipsThatAreAsFar() {
    // All of one sign: only no flip and all flips are as far.
    assertEquals(2 / 8.0, Statistics.permutation(new double[] {1, 2, 3}));
    assertEquals(2 / 1024.0, Statistics.permutation(new double[] {1, 1, 1, 1, 1, 2, 2, 2, 2, 2}));
    // |1 + 2 − 3| = 0: every flip is as far.
    assertEquals(1, Statistics.permutation(new double[] {1, 2, -3}));
    // ±3 ±1 ±1 is 5 twice, 3 four times and 1 twice; 3 is observed.
    assertEquals(6 / 8.0, Statistics.permutation(new double[] {3, 1, -1}));
    assertEquals(2 / 8.0, Statistics.permutation(new double[] {0, 1, 2, 3}), "a 0 changes nothing");
    assertEquals(1, Statistics.permutation(new double[] {0, 0}));
  }

  /** 0.1 + 0.2 − 0.3 is not 0 in floating point; sums that are equal must count as equal. */
  @Test
  void roundingDoesNotDecideTies() {
    assertEquals(1, Statistics.permutation(new double[] {0.1, 0.2, -0.3}));
    // 0.1 + 0.2 is more than 0.3 here: the sum is ±0.9 or ±0.3 for every flip, all as far as 0.3.
    assertEquals(1, Statistics.permutation(new double[] {0.1 + 0.2, 0.3, -0.3}));
  }

  /** Beyond 16 pairs flips are drawn; 17 ones need all signs equal for 17, p = 2^-16. */
  @Test
  void manyPairsAreSampled() {
    double[] ones = new double[17];
    Arrays.fill(ones, 1);
    assertTrue(Statistics.permutation(ones) <= 8 / 65537.0, "Poisson(1) above 7: 1e-6");
    // Ten of 20 ones negative: the sum is 0, so every flip is as far.
    double[] even = new double[20];
    Arrays.fill(even, 1);
    Arrays.fill(even, 0, 10, -1);
    assertEquals(1, Statistics.permutation(even));
    // Six of 20 negative: |sum| ≥ 8 has 2·P(Bin(20,½) ≤ 6) = 2·60460/2^20 = 0.11532.
    Arrays.fill(even, 6, 10, 1);
    double error = 4 * Math.sqrt(0.11532 * 0.88468 / Statistics.FLIPS);
    assertEquals(0.11532, Statistics.permutation(even), error);
  }
}
