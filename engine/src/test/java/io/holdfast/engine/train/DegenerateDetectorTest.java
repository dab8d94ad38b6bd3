package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** 40 failed and 40 healthy curves, drawn at random. */
class DegenerateDetectorTest {

  private static final int RUNS = 40;

  private final SplittableRandom random = new SplittableRandom(31);

  /** One evaluation: mean training loss before it, share of the most frequent prediction. */
  private interface Curve {
    double[] at(int evaluation);
  }

  private static boolean isFlagged(Curve curve, int evaluations, double entropy) {
    DegenerateDetector detector = new DegenerateDetector(entropy, 0);
    for (int i = 1; i <= evaluations; i++) {
      double[] point = curve.at(i);
      detector = new DegenerateDetector(entropy, detector.suspicious()); // as after a resume
      if (detector.observe(i, evaluations, point[0], point[1])) {
        return true;
      }
    }
    return false;
  }

  private double noise(double size) {
    return size * (2 * random.nextDouble() - 1);
  }

  /** The share that guessing earns: between balanced classes and 3 : 1. */
  private double majority() {
    return 0.5 + 0.25 * random.nextDouble();
  }

  private static double entropy(double p) {
    return -p * Math.log(p) - (1 - p) * Math.log(1 - p);
  }

  @Test
  void findsFailedRuns() {
    int found = 0;
    for (int run = 0; run < RUNS; run++) {
      double entropy = entropy(majority());
      int evaluations = 3 + random.nextInt(8);
      // A third of them learns at first and collapses midway.
      int collapse = run % 3 == 0 ? evaluations / 2 : 0;
      Curve failed =
          i ->
              i <= collapse
                  ? new double[] {entropy * (1 - 0.2 * i / evaluations), 0.7}
                  : new double[] {entropy * (1.01 + noise(0.03)), 1 - 0.004 * random.nextDouble()};
      found += isFlagged(failed, evaluations, entropy) ? 1 : 0;
    }
    assertTrue(found >= 0.95 * RUNS, found + " of " + RUNS);
  }

  @Test
  void leavesHealthyRunsAlone() {
    int alarms = 0;
    for (int run = 0; run < RUNS; run++) {
      double p = majority();
      double entropy = entropy(p);
      int evaluations = 3 + random.nextInt(8);
      boolean slowStart = run % 4 == 0;
      double rate = 0.15 + 0.5 * random.nextDouble();
      Curve healthy =
          i ->
              i == 1 && slowStart
                  ? new double[] {entropy * 1.02, 1.0}
                  : new double[] {
                    entropy * Math.exp(-rate * i) * (1 + noise(0.05)), p + noise(0.15)
                  };
      alarms += isFlagged(healthy, evaluations, entropy) ? 1 : 0;
    }
    assertTrue(alarms <= 0.05 * RUNS, alarms + " of " + RUNS);
  }

  @Test
  void measuresGuessing() {
    assertEquals(Math.log(2), DegenerateDetector.entropy(new int[] {0, 1, 1, 0}, 2), 1e-15);
    assertEquals(entropy(0.25), DegenerateDetector.entropy(new int[] {0, 1, 1, 1}, 3), 1e-15);
    assertEquals(0.75, DegenerateDetector.constantShare(new int[] {2, 2, 0, 2}, 3));
    double[] targets = {0, 1, 2, 3};
    assertEquals(1.25, DegenerateDetector.variance(targets), 1e-15);
    assertEquals(1, DegenerateDetector.constantShare(new double[] {1, 1, 1, 1}, targets));
    assertEquals(
        0.5, DegenerateDetector.constantShare(new double[] {0, 0.5, 1, 1.5}, targets), 1e-15);
  }
}
