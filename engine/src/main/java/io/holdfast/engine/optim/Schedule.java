package io.holdfast.engine.optim;

import io.holdfast.kernels.HoldfastException;

/**
 * The learning rate as a closed form of the update's number. With n updates done before it, W of
 * warm-up, N in all and lr₀ the peak:
 *
 * <pre>
 * n &lt; W       lr = lr₀ · n / W
 * n ≥ N       lr = end
 * otherwise   lr = end + (lr₀ − end) · shape((n − W) / (N − W))
 *
 * shape(t)    LINEAR 1 − t      POLYNOMIAL (1 − t)^power      COSINE (1 + cos πt) / 2
 * </pre>
 *
 * CONSTANT stays at lr₀ after the warm-up. As in Hugging Face and fairseq, update k = 1, 2, … has n
 * = k − 1: with a warm-up the first update has learning rate 0.
 *
 * @param peak lr₀
 * @param warmup W, in updates
 * @param total N, in updates
 * @param power of POLYNOMIAL
 * @param end the rate at and after N
 */
public record Schedule(
    Shape shape, double peak, long warmup, long total, double power, double end) {

  /** What the rate does after the warm-up. */
  public enum Shape {
    CONSTANT,
    LINEAR,
    POLYNOMIAL,
    COSINE
  }

  public Schedule {
    if (!(peak >= 0 && Double.isFinite(peak)) || !(end >= 0 && end <= peak) || !(power > 0)) {
      throw usage(
          "--learning-rate %s, --lr-end %s and --lr-power %s make no schedule: the end is from 0 to the rate, the power above 0"
              .formatted(peak, end, power));
    }
    if (warmup < 0 || total < 1 || warmup > total) {
      throw usage(
          "--warmup is %d updates, the run has %d: give fewer, or a share below 1"
              .formatted(warmup, total));
    }
  }

  /**
   * Warm-up in updates from the option's value: below 1 it is a share of the total, rounded up as
   * Hugging Face does; from 1 on it is a number of updates.
   */
  public static long warmupUpdates(double warmup, long total) {
    if (!(warmup >= 0) || warmup >= 1 && warmup != Math.rint(warmup)) {
      throw usage("--warmup is " + warmup + ": give a share below 1, or a whole number of updates");
    }
    return (long) (warmup < 1 ? Math.ceil(total * warmup) : warmup);
  }

  /** The learning rate of update {@code k}, from 1. */
  public double at(long k) {
    long n = k - 1;
    if (n < warmup) {
      return peak * n / warmup;
    }
    if (shape == Shape.CONSTANT) {
      return peak;
    }
    if (n >= total) {
      return end;
    }
    double t = (double) (n - warmup) / (total - warmup);
    return end + (peak - end) * fall(t);
  }

  private double fall(double t) {
    return switch (shape) {
      case CONSTANT -> 1;
      case LINEAR -> 1 - t;
      case POLYNOMIAL -> Math.pow(1 - t, power);
      case COSINE -> (1 + Math.cos(Math.PI * t)) / 2;
    };
  }

  private static HoldfastException usage(String what) {
    return new HoldfastException(HoldfastException.Kind.USAGE, what);
  }
}
