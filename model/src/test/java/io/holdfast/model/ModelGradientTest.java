package io.holdfast.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig.Architecture;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Gradients of whole models against central differences of the loss, in double, with dropout on
 * (its masks are a function of the key, so the loss is a smooth function of the weights).
 */
class ModelGradientTest {

  private static final Key KEY = Key.of(7);
  private static final Key STEP = Key.of(8).at(3);
  private static final double H = 1e-4;

  /** A loss as a function of the model's weights; adds its gradient if {@code backward}. */
  private interface Loss {
    double of(TestModel m, boolean backward);
  }

  private static Loss crossEntropy(PackedBatch batch) {
    return (m, backward) -> {
      try (Arena.Scope scope = m.activations.open()) {
        return TestLosses.crossEntropy(m, m.pass(STEP, true), m.upload(batch), backward);
      }
    };
  }

  /** The noised embeddings are constants of the objective, as R3F cuts them from the graph. */
  private static Loss r3f(TestModel m, PackedBatch batch, boolean sharedMasks) {
    DeviceBatch once = m.upload(batch);
    Tensor noised = m.model.embedWords(m.pass(STEP, true), once);
    Key noise = STEP.at(Sites.EMBEDDING_NOISE);
    m.kernels.addNoise(noised, noised, NoiseType.NORMAL, 0.3f, noise, once.tokenRows());
    return (model, backward) -> {
      try (Arena.Scope scope = model.activations.open()) {
        DeviceBatch both = model.upload(batch.repeat(2, sharedMasks));
        Pass pass = model.pass(STEP, true);
        return TestLosses.r3f(model, pass, both, noised, 1.5f, backward).loss();
      }
    };
  }

  static Stream<ModelConfig> models() {
    return Stream.of(
        TinyModels.config(Architecture.BERT, 2),
        TinyModels.config(Architecture.ROBERTA, 3),
        TinyModels.regression(Architecture.BERT),
        TinyModels.regression(Architecture.ROBERTA));
  }

  @ParameterizedTest
  @MethodSource("models")
  void sixtyFourDirections(ModelConfig config) {
    try (TestModel m = new TestModel(new ReferenceKernels(), config, KEY)) {
      PackedBatch batch = TinyModels.batch(config, KEY, 5, 1, 9);
      checkDirections(m, crossEntropy(batch));
      checkDirections(m, r3f(m, batch, false));
      checkDirections(m, r3f(m, batch, true));
    }
  }

  private static void checkDirections(TestModel m, Loss loss) {
    m.kernels.zero(m.gradients.block());
    loss.of(m, true);
    double[] gradient = m.values(m.gradients.block());
    double[] base = m.values(m.weights.block());
    SplittableRandom random = new SplittableRandom(1);
    for (int d = 0; d < 64; d++) {
      double[] direction = random.doubles(base.length, -1, 1).toArray();
      double expected = difference(m, base, direction, at -> loss.of(at, false));
      double actual = dot(gradient, direction);
      assertEquals(expected, actual, 1e-5 * Math.abs(expected), "direction " + d);
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void everyParameter(Architecture architecture) {
    ModelConfig config = TinyModels.config(architecture, 9, 4, 1, false, List.of("a", "b"));
    try (TestModel m = new TestModel(new ReferenceKernels(), config, KEY)) {
      Loss loss = r3f(m, TinyModels.batch(config, KEY, 3, 4), false);
      loss.of(m, true);
      double[] base = m.values(m.weights.block());
      for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
        double largest = 0;
        double[] gradient = m.values(m.gradients.get(entry));
        for (int i = 0; i < gradient.length; i++) {
          double[] direction = new double[base.length];
          direction[(int) entry.start() + i] = 1;
          double expected = difference(m, base, direction, at -> loss.of(at, false));
          assertEquals(expected, gradient[i], 1e-7, entry.name() + " element " + i);
          largest = Math.max(largest, Math.abs(gradient[i]));
        }
        // Attention probabilities do not depend on the bias of the keys.
        boolean matters = !entry.name().endsWith("key.bias");
        assertTrue(matters ? largest > 1e-4 : largest < 1e-12, entry.name() + ": " + largest);
      }
    }
  }

  /** Of fourth order: (8·(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h. */
  private static double difference(
      TestModel m, double[] base, double[] direction, ToDoubleFunction<TestModel> loss) {
    double near = at(m, base, direction, H, loss) - at(m, base, direction, -H, loss);
    double far = at(m, base, direction, 2 * H, loss) - at(m, base, direction, -2 * H, loss);
    at(m, base, direction, 0, x -> 0);
    return (8 * near - far) / (12 * H);
  }

  private static double at(
      TestModel m, double[] base, double[] direction, double h, ToDoubleFunction<TestModel> loss) {
    double[] moved = new double[base.length];
    for (int i = 0; i < base.length; i++) {
      moved[i] = base[i] + h * direction[i];
    }
    ((ReferenceKernels) m.kernels).fill(m.weights.block(), moved);
    return loss.applyAsDouble(m);
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
