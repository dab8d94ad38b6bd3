package io.holdfast.kernels.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Tensor;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Numbers worked out apart from this code. */
class ReferenceVectorsTest {

  private final GradientCheck tensors = new GradientCheck(1);
  private final ReferenceKernels kernels = tensors.kernels;

  private Tensor row(double... values) {
    Tensor t = tensors.output(1, values.length);
    kernels.fill(t, values);
    return t;
  }

  @Test
  void symmetricKl() {
    Tensor kl = row(0);
    Tensor dP = row(0, 0, 0);
    Tensor dQ = row(0, 0, 0);
    kernels.symmetricKl(kl, dP, dQ, row(1, 0, -1), row(0.5, 0.25, -0.5), 1);
    assertEquals(0.16988923012957458, kernels.get(kl, 0), 1e-15);
    double[] expectedP = {0.381399964545468, -0.234658923877195, -0.146741040668273};
    double[] expectedQ = {-0.405987697127395, 0.229272998220894, 0.176714698906502};
    assertArrayEquals(expectedP, kernels.toArray(dP), 1e-14);
    assertArrayEquals(expectedQ, kernels.toArray(dQ), 1e-14);
  }

  @Test
  void crossEntropy() {
    Tensor loss = row(0);
    kernels.crossEntropy(loss, null, row(1, 0, -1), tensors.ints(1, i -> 0), 1);
    assertEquals(0.4076059644443804, kernels.get(loss, 0), 1e-15);
  }

  @Test
  void spectralNorm() {
    Tensor w = row(3, 0, 0, 1).reshape(2, 2);
    Tensor y = row(0, 0, 0, 0).reshape(2, 2);
    Tensor sigma = row(0);
    Tensor u = row(1, 0);
    Tensor v = row(0, 0);
    kernels.spectralNorm(y, sigma, u, v, w, 1, false);
    assertArrayEquals(new double[] {1, 0, 0, 1 / 3.0}, kernels.toArray(y));
    assertEquals(3, kernels.get(sigma, 0));
    Tensor dw = row(0, 0, 0, 0).reshape(2, 2);
    kernels.spectralNormBackward(dw, row(6, 3, 9, 12).reshape(2, 2), y, sigma, u, v, false);
    // <dy, y> = 6 + 12/3 = 10; (6 − 10)/3 along u·vᵀ, dy/3 elsewhere
    assertArrayEquals(new double[] {-4 / 3.0, 1, 3, 4}, kernels.toArray(dw), 1e-15);
  }

  @Test
  void firstStepOfAdamWithEpsilonInside() {
    AdamStep step = new AdamStep(1e-3, 0.9, 0.98, 1e-6, 0, 1 - 0.9, 1 - 0.98, true, 1);
    assertEquals(0.9990000707056785, oneStep(step), 1e-15);
    AdamStep decay = new AdamStep(1e-3, 0.9, 0.98, 1e-6, 0.1, 1 - 0.9, 1 - 0.98, true, 1);
    assertEquals(0.9989000707056785, oneStep(decay), 1e-15);
  }

  private double oneStep(AdamStep step) {
    Tensor w = row(1);
    Tensor m = row(0);
    Tensor v = row(0);
    kernels.adamw(w, m, v, row(0.1), step);
    assertEquals(0.01, kernels.get(m, 0), 1e-16);
    assertEquals(2e-4, kernels.get(v, 0), 1e-18);
    return kernels.get(w, 0);
  }

  /** Φ at points of the published tables. */
  @Test
  void normalDistribution() {
    assertEquals(0.5, ReferenceKernels.normalDistribution(0));
    assertEquals(0.8413447460685429, ReferenceKernels.normalDistribution(1), 1e-15);
    assertEquals(0.15865525393145705, ReferenceKernels.normalDistribution(-1), 1e-15);
    assertEquals(0.9772498680518208, ReferenceKernels.normalDistribution(2), 1e-15);
    assertEquals(2.866515718791939e-7, ReferenceKernels.normalDistribution(-5), 1e-15);
    assertTrue(Double.isNaN(ReferenceKernels.normalDistribution(Double.NaN)));
  }

  /** Mean, variance, and the share beyond one and two deviations, each within four of its own. */
  @Test
  void noiseHasTheRightMoments() {
    int n = 1000;
    int cols = 500;
    Tensor y = new GradientCheck(2).output(n, cols);
    Rows rows = tensors.rows(n);
    double count = (double) n * cols;
    for (NoiseType type : NoiseType.values()) {
      kernels.zero(y);
      kernels.addNoise(y, y, type, 0.5f, tensors.key, rows);
      double sum = 0;
      double squares = 0;
      double inside = 0;
      for (double value : kernels.toArray(y)) {
        double z = value / 0.5;
        sum += z;
        squares += z * z;
        inside += Math.abs(z) < 0.5 ? 1 : 0;
      }
      boolean normal = type == NoiseType.NORMAL;
      double variance = normal ? 1 : 1 / 3.0;
      double fourth = normal ? 3 : 1 / 5.0;
      double share = normal ? 0.3829249225480262 : 0.5;
      assertEquals(0, sum / count, 4 * Math.sqrt(variance / count), type + " mean");
      double ofSquares = Math.sqrt((fourth - variance * variance) / count);
      assertEquals(variance, squares / count, 4 * ofSquares, type + " variance");
      double ofShare = Math.sqrt(share * (1 - share) / count);
      assertEquals(share, inside / count, 4 * ofShare, type + " within half a deviation");
    }
  }

  /** Momentum as a straight sum over all gradients, not by recursion. */
  @Test
  void aThousandStepsOfAdam() {
    SplittableRandom random = new SplittableRandom(4);
    double[] gradients = new double[1000];
    Tensor w = row(0.3);
    Tensor m = row(0);
    Tensor v = row(0);
    double expected = 0.3;
    for (int t = 1; t <= 1000; t++) {
      gradients[t - 1] = random.nextGaussian();
      double first = 0;
      double second = 0;
      for (int i = 1; i <= t; i++) {
        first += 0.1 * Math.pow(0.9, t - i) * gradients[i - 1];
        second += 0.001 * Math.pow(0.999, t - i) * gradients[i - 1] * gradients[i - 1];
      }
      double correction1 = 1 - Math.pow(0.9, t);
      double correction2 = 1 - Math.pow(0.999, t);
      double move = first / correction1 / (Math.sqrt(second / correction2) + 1e-8);
      expected = expected - 1e-2 * 0.01 * expected - 1e-2 * move;
      AdamStep step =
          new AdamStep(1e-2, 0.9, 0.999, 1e-8, 0.01, correction1, correction2, false, 1);
      kernels.adamw(w, m, v, row(gradients[t - 1]), step);
      assertEquals(expected, kernels.get(w, 0), 1e-11, "step " + t);
    }
  }
}
