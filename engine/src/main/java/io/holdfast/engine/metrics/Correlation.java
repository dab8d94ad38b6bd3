package io.holdfast.engine.metrics;

import java.util.Arrays;

/**
 * Correlations of two series, as SciPy defines them. Both are NaN, as there, when a series is
 * constant, holds a NaN, or has fewer than two values; Pearson's also with an infinity.
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
    Sum dot = new Sum();
    for (int i = 0; i < u.length; i++) {
      dot.add(u[i] * v[i]);
    }
    return Math.max(-1, Math.min(1, dot.value()));
  }

  /** Pearson's correlation of the ranks, equal values sharing the mean of theirs. */
  public static double spearman(double[] x, double[] y) {
    boolean hasNaN =
        Arrays.stream(x).anyMatch(Double::isNaN) || Arrays.stream(y).anyMatch(Double::isNaN);
    return hasNaN ? Double.NaN : pearson(ranks(x), ranks(y));
  }

  public static double meanSquaredError(double[] x, double[] y) {
    Sum sum = new Sum();
    for (int i = 0; i < x.length; i++) {
      sum.add((x[i] - y[i]) * (x[i] - y[i]));
    }
    return sum.value() / x.length;
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
    Sum sum = new Sum();
    for (double value : x) {
      sum.add(value);
    }
    double mean = sum.value() / x.length;
    double largest = 0;
    for (double value : x) {
      largest = Math.max(largest, Math.abs(value - mean));
    }
    double[] u = new double[x.length];
    Sum squares = new Sum();
    for (int i = 0; i < u.length; i++) {
      // Scaled by the largest, so that no square overflows or vanishes.
      u[i] = (x[i] - mean) / largest;
      squares.add(u[i] * u[i]);
    }
    double norm = Math.sqrt(squares.value());
    for (int i = 0; i < u.length; i++) {
      u[i] /= norm;
    }
    return u;
  }

  /** Compensated summation (Neumaier 1974). */
  private static final class Sum {
    private double sum;
    private double lost;

    void add(double value) {
      double next = sum + value;
      lost += Math.abs(sum) >= Math.abs(value) ? (sum - next) + value : (value - next) + sum;
      sum = next;
    }

    double value() {
      return sum + lost;
    }
  }
}
