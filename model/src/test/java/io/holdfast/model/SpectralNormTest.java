package io.holdfast.model;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.SpectralNorm.Mode;
import io.holdfast.model.SpectralNorm.Scope;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SpectralNormTest {

  private static final int PAIRS = 10_000;
  private static final ModelConfig CONFIG = TinyModels.config(Architecture.ROBERTA, 3);

  /** tanh is 1-Lipschitz: so is a head whose two matrices are, in either mode. */
  @ParameterizedTest
  @EnumSource(Mode.class)
  void aNormalisedHeadBringsNoPairFurtherApart(Mode mode) {
    try (TestModel m = new TestModel(new CpuKernels(2, Precision.FP32), CONFIG, Key.of(4))) {
      Head.matrices(CONFIG).forEach(name -> enlarge(m, m.weights.get(name)));
      Head head = new Head(CONFIG, m.weights);
      double without = largestRatio(m, head);
      assertTrue(without > 2, "ratio without the norm " + without);
      SpectralNorm norm = SpectralNorm.attach(m.model, m.kernels, m.activations, Scope.HEAD, mode);
      norm.draw(m.kernels, Key.of(5));
      norm.iterate(m.kernels, 30);
      head.normalise(norm);
      double ratio = largestRatio(m, head);
      assertTrue(ratio <= 1 + 1e-3, "ratio " + ratio);
    }
  }

  private static void enlarge(TestModel m, Tensor w) {
    double[] values = m.values(w);
    float[] larger = new float[values.length];
    for (int i = 0; i < larger.length; i++) {
      larger[i] = (float) (4 * values[i]);
    }
    m.kernels.upload(w, larger, 0);
  }

  /** Of the distance of two rows of logits to that of the hidden states they come from. */
  private static double largestRatio(TestModel m, Head head) {
    int[] lengths = new int[2 * PAIRS];
    Arrays.fill(lengths, 1);
    SplittableRandom random = new SplittableRandom(6);
    float[] states = new float[lengths.length * CONFIG.hiddenSize()];
    for (int i = 0; i < states.length; i++) {
      states[i] = (float) random.nextDouble(-0.2, 0.2);
    }
    try (var scope = m.activations.open()) {
      Tensor hidden = m.activations.take(m.kernels.real(), lengths.length, CONFIG.hiddenSize());
      m.kernels.upload(hidden, states, 0);
      Tensor logits = m.activations.take(m.kernels.real(), lengths.length, CONFIG.outputs());
      DeviceBatch batch = m.upload(TinyModels.batch(CONFIG, Key.of(7), lengths));
      head.forward(m.pass(Key.of(8), false), batch, logits, hidden);
      double[] from = m.values(hidden);
      double[] to = m.values(logits);
      double largest = 0;
      for (int pair = 0; pair < PAIRS; pair++) {
        double ratio = distance(to, pair, CONFIG.outputs());
        largest = Math.max(largest, ratio / distance(from, pair, CONFIG.hiddenSize()));
      }
      return largest;
    }
  }

  /** Between rows 2 · pair and 2 · pair + 1. */
  private static double distance(double[] x, int pair, int cols) {
    double squares = 0;
    for (int c = 0; c < cols; c++) {
      double d = x[2 * pair * cols + c] - x[(2 * pair + 1) * cols + c];
      squares += d * d;
    }
    return Math.sqrt(squares);
  }
}
