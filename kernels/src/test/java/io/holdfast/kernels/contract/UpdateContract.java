package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.holdfast.kernels.AdamStep;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

interface UpdateContract extends Contract {

  AdamStep[] ADAM_STEPS = {
    new AdamStep(1e-3, 0.9, 0.98, 1e-6, 0, 0.1, 0.02, false, 1),
    new AdamStep(5e-5, 0.9, 0.999, 1e-8, 0.01, 1, 1, false, 0.37),
    new AdamStep(1e-3, 0.9, 0.98, 1e-6, 0.1, 0.271, 0.0588, true, 0x1p-10)
  };

  @Test
  default void adamw() {
    for (int[] s : new int[][] {{0, 3}, {1, 1}, {3, 31}, {13, 64}, {7, 1031}}) {
      double[] v = new double[s[0] * s[1]];
      Arrays.setAll(v, i -> 1e-4 * (1 + i % 19));
      for (AdamStep step : ADAM_STEPS) {
        trial("adamw", s)
            .misaligned(step.epsilonInside())
            .updated("w", s[0], s[1])
            .updated("m", s[0], s[1])
            .updated("v", s[0], s[1], v)
            .in("g", s[0], s[1])
            .run((k, t) -> k.adamw(t.get("w"), t.get("m"), t.get("v"), t.get("g"), step));
      }
    }
  }

  /** Decay and move are each a third of the distance from 1 to the float below; both count. */
  @Test
  default void adamwKeepsADecayBelowTheRoundoff() {
    double rate = 0x1p-24 / 3;
    AdamStep step = new AdamStep(rate, 0.5, 0.5, 1e-9, 1, 1, 1, false, 1);
    float[] w =
        trial("adamw of a small decay")
            .updated("w", 1, 1, 1)
            .updated("m", 1, 1, 2)
            .updated("v", 1, 1, 2)
            .in("g", 1, 1, 0)
            .onBackend((k, t) -> k.adamw(t.get("w"), t.get("m"), t.get("v"), t.get("g"), step))
            .get("w");
    assertEquals(Math.nextDown(1f), w[0]);
  }

  @Test
  default void axpby() {
    for (int[] s : new int[][] {{0, 3}, {1, 1}, {3, 31}, {13, 64}, {31, 1031}}) {
      trial("axpby", s)
          .misaligned(s[0] % 2 == 1)
          .updated("y", s[0], s[1])
          .in("x", s[0], s[1])
          .run((k, t) -> k.axpby(t.get("y"), 0.75f, t.get("x"), -1.5f));
    }
  }

  @Test
  default void sumOfSquares() {
    for (int n : new int[] {0, 1, 13, 207, 4098, 100_003}) {
      double[] x = new double[n];
      Arrays.setAll(x, i -> (float) Math.sin(i));
      double want = Arrays.stream(x).map(v -> v * v).sum();
      assertEquals(want, sumOfSquares(x), 1e-12 * want, "of " + n);
    }
    double large = (float) 1e30;
    assertEquals(2 * large * large, sumOfSquares(large, -large), 1e48, "beyond fp32");
  }

  @Test
  default void sumOfSquaresShowsWhatIsNotFinite() {
    for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
      for (int place : new int[] {0, 98, 206}) {
        double[] x = new double[207];
        x[place] = bad;
        assertFalse(Double.isFinite(sumOfSquares(x)), bad + " at " + place);
      }
    }
  }

  private double sumOfSquares(double... x) {
    double[] sums = new double[2];
    int[] calls = {0};
    trial("sumOfSquares")
        .in("x", 1, x.length, x)
        .onBackend((k, t) -> sums[calls[0]++] = k.sumOfSquares(t.get("x")));
    assertEquals(sums[0], sums[1], "called twice");
    return sums[0];
  }
}
