package io.holdfast.engine.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class AdamWTest {

  private static final ParameterLayout LAYOUT =
      ParameterLayout.of(
          new ModelConfig(
              ModelConfig.Architecture.BERT,
              5,
              4,
              1,
              2,
              6,
              3,
              2,
              1e-12f,
              0,
              0,
              0,
              0.02f,
              0,
              ModelConfig.HeadInit.HUGGINGFACE,
              false,
              List.of("a", "b")));
  private static final int ELEMENTS = (int) LAYOUT.elements();

  private final ReferenceKernels kernels = new ReferenceKernels();
  private final Arena arena = new Arena(kernels, 1 << 20);
  private final Parameters weights = new Parameters(LAYOUT, arena, DType.F64);
  private final Parameters gradients = new Parameters(LAYOUT, arena, DType.F64);

  private AdamW adam(AdamWConfig config, Function<ParameterLayout.Entry, ParameterGroup> groups) {
    return new AdamW(kernels, arena, weights, config, groups);
  }

  private void fill(Parameters block, double value) {
    double[] values = new double[ELEMENTS];
    Arrays.fill(values, value);
    kernels.fill(block.block(), values);
  }

  private double[] weightsNow() {
    return kernels.toArray(weights.block());
  }

  /** p = 1, g = 0.1, lr 1e-3, betas (0.9, 0.98), epsilon 1e-6: worked by hand from the formulas. */
  @Test
  void firstStepWithEpsilonInside() {
    fill(weights, 1);
    fill(gradients, 0.1);
    AdamWConfig fairseq = new AdamWConfig(0.9, 0.98, 1e-6, true, true);
    adam(fairseq, AdamW.decayAll(0)).step(gradients, 1e-3, 1);
    assertEquals(0.9990000707056785, weightsNow()[0], 1e-15);

    fill(weights, 1);
    adam(fairseq, AdamW.decayAll(0.1)).step(gradients, 1e-3, 1);
    double[] w = weightsNow();
    assertEquals(0.9989000707056785, w[0], 1e-15);
    assertEquals(0.9989000707056785, w[ELEMENTS - 1], 1e-15);
  }

  @Test
  void biasesAndLayerNormDoNotDecay() {
    fill(weights, 1);
    fill(gradients, 0);
    adam(AdamWConfig.DEFAULT, AdamW.decayMatrices(0.1)).step(gradients, 1e-2, 1);
    double[] w = weightsNow();
    int vectors = 0;
    for (ParameterLayout.Entry entry : LAYOUT.entries()) {
      boolean kept = entry.name().endsWith(".bias") || entry.name().contains("LayerNorm");
      vectors += kept ? 1 : 0;
      for (long i = entry.start(); i < entry.start() + entry.elements(); i++) {
        assertEquals(kept ? 1 : 1 - 1e-2 * 0.1, w[(int) i], 1e-15, entry.name());
      }
    }
    // Three LayerNorms of two, six biases in the layer, pooler and classifier.
    assertEquals(3 * 2 + 6 + 2, vectors);
  }

  /** Moments as weighted sums over all gradients so far, not by their recurrence. */
  @Test
  void thousandStepsEqualTheSumsThatDefineTheMoments() {
    for (boolean correction : new boolean[] {true, false}) {
      for (boolean inside : new boolean[] {false, true}) {
        AdamWConfig config = new AdamWConfig(0.9, 0.98, 1e-6, correction, inside);
        compareThousandSteps(config);
      }
    }
  }

  private void compareThousandSteps(AdamWConfig config) {
    int steps = 1000;
    double decay = 0.01;
    double scale = 0.5;
    double[] start = new double[ELEMENTS];
    Arrays.setAll(start, i -> Math.cos(i));
    kernels.fill(weights.block(), start);
    AdamW adam = adam(config, AdamW.decayMatrices(decay));
    for (int t = 1; t <= steps; t++) {
      double[] g = new double[ELEMENTS];
      for (int i = 0; i < ELEMENTS; i++) {
        g[i] = gradient(i, t);
      }
      kernels.fill(gradients.block(), g);
      adam.step(gradients, rate(t), scale);
    }
    assertEquals(steps, adam.steps());
    double[] actual = weightsNow();
    double[] power1 = new double[steps];
    double[] power2 = new double[steps];
    Arrays.setAll(power1, j -> Math.pow(0.9, j));
    Arrays.setAll(power2, j -> Math.pow(0.98, j));
    for (ParameterLayout.Entry entry : LAYOUT.entries()) {
      int i = (int) entry.start();
      double w = start[i];
      double[] g = new double[steps + 1];
      Arrays.setAll(g, t -> scale * gradient(i, t));
      for (int t = 1; t <= steps; t++) {
        double m = 0;
        double v = 0;
        for (int s = 1; s <= t; s++) {
          m += (1 - 0.9) * power1[t - s] * g[s];
          v += (1 - 0.98) * power2[t - s] * g[s] * g[s];
        }
        double c1 = config.biasCorrection() ? 1 - Math.pow(0.9, t) : 1;
        double c2 = config.biasCorrection() ? 1 - Math.pow(0.98, t) : 1;
        // sqrt(v) + eps, then both corrected: eps grows by 1/sqrt(c2).
        double eps = config.epsilonInside() ? 1e-6 / Math.sqrt(c2) : 1e-6;
        w -= entry.vector() ? 0 : rate(t) * decay * w;
        w -= rate(t) * (m / c1) / (Math.sqrt(v / c2) + eps);
      }
      assertEquals(w, actual[i], 1e-9 * Math.max(1, Math.abs(w)), entry.name() + " " + config);
    }
  }

  private static double gradient(int i, int t) {
    return Math.sin(0.37 * i + 0.11 * t) * Math.exp(-0.001 * t) + 0.05 * Math.cos(i * t);
  }

  private static double rate(int t) {
    return 1e-2 * (1 - t / 2000.0);
  }

  @Test
  void aResumedRunGoesOnWhereItStopped() {
    fill(weights, 1);
    AdamW straight = adam(AdamWConfig.DEFAULT, AdamW.decayMatrices(0.1));
    double[] weightsAt5 = null;
    double[] firstAt5 = null;
    double[] secondAt5 = null;
    for (int t = 1; t <= 10; t++) {
      fill(gradients, 1.0 / t);
      straight.step(gradients, 1e-2, 1);
      if (t == 5) {
        weightsAt5 = weightsNow();
        firstAt5 = kernels.toArray(straight.firstMoment().block());
        secondAt5 = kernels.toArray(straight.secondMoment().block());
      }
    }
    double[] expected = weightsNow();
    kernels.fill(weights.block(), weightsAt5);
    AdamW resumed = adam(AdamWConfig.DEFAULT, AdamW.decayMatrices(0.1));
    kernels.fill(resumed.firstMoment().block(), firstAt5);
    kernels.fill(resumed.secondMoment().block(), secondAt5);
    resumed.resumeAfter(5);
    for (int t = 6; t <= 10; t++) {
      fill(gradients, 1.0 / t);
      resumed.step(gradients, 1e-2, 1);
    }
    assertArrayEquals(expected, weightsNow());
  }

  @Test
  void eachGroupHasItsLearningRate() {
    fill(weights, 0);
    fill(gradients, 1);
    adam(AdamWConfig.DEFAULT, e -> new ParameterGroup(Math.pow(0.5, 2 - e.depth()), 0))
        .step(gradients, 1e-2, 1);
    double[] w = weightsNow();
    for (ParameterLayout.Entry entry : LAYOUT.entries()) {
      // The first bias-corrected step is the sign of the gradient.
      double expected = -1e-2 * Math.pow(0.5, 2 - entry.depth());
      assertEquals(expected, w[(int) entry.start()], 1e-9, entry.name());
      assertEquals(expected, w[(int) (entry.start() + entry.elements() - 1)], 1e-9, entry.name());
    }
  }

  @Test
  void clippingScalesToTheNorm() {
    fill(gradients, 0.5);
    double norm = GradientClip.norm(kernels, gradients);
    assertEquals(0.5 * Math.sqrt(ELEMENTS), norm, 1e-12);
    assertEquals(1 / (norm + 1e-6), GradientClip.factor(norm, 1), 0);
    assertTrue(norm > 1 && GradientClip.factor(norm, 1e3) == 1);
    assertEquals(1, GradientClip.factor(norm, 0));
    assertThrows(IllegalArgumentException.class, () -> GradientClip.factor(Double.NaN, 1));
    assertThrows(
        IllegalArgumentException.class, () -> GradientClip.factor(Double.POSITIVE_INFINITY, 0));
  }

  @Test
  void impossibleConstantsAreRefused() {
    for (double[] bad : new double[][] {{1, 0.9, 1e-8}, {0.9, -0.1, 1e-8}, {0.9, 0.9, 0}}) {
      HoldfastException e =
          assertThrows(
              HoldfastException.class, () -> new AdamWConfig(bad[0], bad[1], bad[2], true, false));
      assertEquals(HoldfastException.Kind.USAGE, e.kind());
    }
  }
}
