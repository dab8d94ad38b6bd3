package io.holdfast.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * Times several steps in turns, one of each per round, so that whatever else the machine does falls
 * on all of them alike.
 */
final class Interleaved {

  /**
   * Times of one contender, in ms.
   *
   * @param times by round
   */
  record Times(double[] times) {

    double median() {
      return Interleaved.median(times);
    }

    double fastest() {
      return Arrays.stream(times).min().orElseThrow();
    }

    /** Median over rounds of the time here by the time of {@code other} in the same round. */
    double ratioTo(Times other) {
      double[] ratios = new double[times.length];
      Arrays.setAll(ratios, i -> times[i] / other.times[i]);
      return Interleaved.median(ratios);
    }
  }

  private Interleaved() {}

  /**
   * @param contenders each runs a step and returns its loss, which must be finite
   * @param warmup rounds that are not kept
   */
  static Map<String, Times> run(Map<String, DoubleSupplier> contenders, int warmup, int rounds) {
    Map<String, Times> times = new LinkedHashMap<>();
    contenders.keySet().forEach(name -> times.put(name, new Times(new double[rounds])));
    List<String> names = List.copyOf(contenders.keySet());
    for (int round = -warmup; round < rounds; round++) {
      for (String name : names) {
        long start = System.nanoTime();
        double loss = contenders.get(name).getAsDouble();
        double ms = (System.nanoTime() - start) / 1e6;
        if (!Double.isFinite(loss)) {
          throw new IllegalStateException(name + ": loss " + loss);
        }
        if (round >= 0) {
          times.get(name).times[round] = ms;
        }
      }
    }
    return times;
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
