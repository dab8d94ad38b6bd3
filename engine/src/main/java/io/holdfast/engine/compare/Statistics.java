package io.holdfast.engine.compare;

import io.holdfast.kernels.Key;
import io.holdfast.kernels.Philox;
import java.util.Arrays;

/** Statistics of few numbers. Random ones are a function of the numbers and a fixed key alone. */
public final class Statistics {

  /** Resamples of {@link #bootstrap}. */
  public static final int RESAMPLES = 10_000;

  /** Pairs up to which {@link #permutation} goes through every flip of signs. */
  public static final int EXACT_PAIRS = 16;

  /** Flips drawn beyond that. */
  public static final int FLIPS = 1 << EXACT_PAIRS;

  private static final Key BOOTSTRAP = Key.of(1);
  private static final Key PERMUTATION = Key.of(2);

  /** Two sums of the same numbers in another order differ by less than this share. */
  private static final double ROUNDING = 1e-12;

  private Statistics() {}

  /** A confidence interval. */
  public record Interval(double low, double high) {}

  /** {@code Σx / n}; NaN for none. */
  public static double mean(double[] x) {
    return Arrays.stream(x).sum() / x.length;
  }

  /** Sample standard deviation, {@code √(Σ(x − mean)² / (n − 1))}; NaN for fewer than two. */
  public static double deviation(double[] x) {
    double mean = mean(x);
    double squares = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).sum();
    return x.length < 2 ? Double.NaN : Math.sqrt(squares / (x.length - 1));
  }

  public static double median(double[] x) {
    return quantile(x, 0.5);
  }

  /**
   * The value at rank {@code share · (n − 1)} of the sorted numbers, between neighbours by linear
   * interpolation (type 7 of Hyndman and Fan 1996, NumPy's default); NaN for none.
   */
  public static double quantile(double[] x, double share) {
    if (x.length == 0) {
      return Double.NaN;
    }
    double[] sorted = x.clone();
    Arrays.sort(sorted);
    double rank = share * (sorted.length - 1);
    int below = (int) rank;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (rank - below) * (sorted[above] - sorted[below]);
  }

  /**
   * 95 % percentile bootstrap interval of the mean (Efron 1979): the 2.5 % and 97.5 % quantiles of
   * the means of {@link #RESAMPLES} samples of n, drawn with replacement.
   */
  public static Interval bootstrap(double[] x) {
    double[] means = new double[RESAMPLES];
    for (int r = 0; r < RESAMPLES; r++) {
      double sum = 0;
      for (int i = 0; i < x.length; i++) {
        sum += x[(int) (Philox.uniform(Philox.word(BOOTSTRAP, 0, r, i, 0)) * x.length)];
      }
      means[r] = sum / x.length;
    }
    return new Interval(quantile(means, 0.025), quantile(means, 0.975));
  }

  /**
   * Two-sided paired permutation test (Fisher 1935) of differences that would be as likely with the
   * other sign if the two ways of training were equally good: the share of sign flips whose sum is
   * at least as far from 0 as the sum that was observed. Every one of the {@code 2^n} flips is
   * counted up to {@link #EXACT_PAIRS} pairs; beyond that {@code (1 + hits) / (1 + FLIPS)} of
   * {@link #FLIPS} drawn ones. NaN without pairs. The smallest value n pairs can give is {@code
   * 2^(1−n)}.
   */
  public static double permutation(double[] differences) {
    int n = differences.length;
    if (n == 0) {
      return Double.NaN;
    }
    double size = Arrays.stream(differences).map(Math::abs).sum();
    double observed = Math.abs(Arrays.stream(differences).sum()) - ROUNDING * size;
    boolean exact = n <= EXACT_PAIRS;
    int flips = exact ? 1 << n : FLIPS;
    int hits = 0;
    for (int flip = 0; flip < flips; flip++) {
      double sum = 0;
      for (int i = 0; i < n; i++) {
        boolean negative =
            exact ? (flip >> i & 1) == 1 : Philox.word(PERMUTATION, 0, flip, i, 0) < 0;
        sum += negative ? -differences[i] : differences[i];
      }
      hits += Math.abs(sum) >= observed ? 1 : 0;
    }
    return exact ? (double) hits / flips : (1.0 + hits) / (1.0 + flips);
  }
}
