package io.holdfast.engine.metrics;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Correlations of two series, as SciPy defines them; sums are the JDK's compensated ones. Both are
 * NaN, as there, when a series is constant, holds a NaN, or has fewer than two values; Pearson's
 * also with an infinity.
 */
public final class Correlation {

  private Correlation() {}

  /** {@code Σ (x − x̄)(y − ȳ) / (‖x − x̄‖ ‖y − ȳ‖)}, held within [−1, 1]. */
  public static double pearson(double[] x, double[] y) {
    if (x.length != y.length) {
      throw new IllegalArgumentException(x.length + " values against " + y.length);
    }
    if (undefined(x) || undefined(y)) {
      return Double.NaN;
    }
    double[] u = unit(x);
    double[] v = unit(y);
    double dot = IntStream.range(0, u.length).mapToDouble(i -> u[i] * v[i]).sum();
    return Math.max(-1, Math.min(1, dot));
  }

  /** Pearson's correlation of the ranks, equal values sharing the mean of theirs. */
  public static double spearman(double[] x, double[] y) {
    boolean hasNaN =
        Arrays.stream(x).anyMatch(Double::isNaN) || Arrays.stream(y).anyMatch(Double::isNaN);
    return hasNaN ? Double.NaN : pearson(ranks(x), ranks(y));
  }

  public static double meanSquaredError(double[] x, double[] y) {
    return IntStream.range(0, x.length)
        .mapToDouble(i -> (x[i] - y[i]) * (x[i] - y[i]))
        .average()
        .orElse(Double.NaN);
  }

  /** Ranks from 1; equal values share the mean of theirs. */
  static double[] ranks(double[] x) {
    Integer[] order = new Integer[x.length];
    Arrays.setAll(order, i -> i);
    // Adding 0 makes −0.0 equal to 0.0, as it is in arithmetic.
    Arrays.sort(order, (a, b) -> Double.compare(x[a] + 0.0, x[b] + 0.0));
    double[] ranks = new double[x.length];
    int from = 0;
    while (from < x.length) {
      int to = from + 1;
      while (to < x.length && x[order[to]] == x[order[from]]) {
        to++;
      }
      for (int i = from; i < to; i++) {
        ranks[order[i]] = (from + 1 + to) / 2.0;
      }
      from = to;
    }
    return ranks;
  }

  private static boolean undefined(double[] x) {
    boolean constant = true;
    for (double value : x) {
      if (!Double.isFinite(value)) {
        return true;
      }
      constant &= value == x[0];
    }
    return constant;
  }

  /** {@code (x − x̄) / ‖x − x̄‖}. */
  private static double[] unit(double[] x) {
    double mean = Arrays.stream(x).average().orElseThrow();
    double largest = Arrays.stream(x).map(value -> Math.abs(value - mean)).max().orElseThrow();
    // Scaled by the largest, so that no square overflows or vanishes.
    double[] u = Arrays.stream(x).map(value -> (value - mean) / largest).toArray();
    double norm = Math.sqrt(Arrays.stream(u).map(value -> value * value).sum());
    return Arrays.stream(u).map(value -> value / norm).toArray();
  }
}
