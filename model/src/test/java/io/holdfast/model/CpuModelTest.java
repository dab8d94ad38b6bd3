package io.holdfast.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig.Architecture;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole models on the cpu backend in fp32: against the reference in double, and against itself. */
class CpuModelTest {

  private static final Key KEY = Key.of(31);
  private static final Key STEP = Key.of(32).at(9);

  private static Kernels cpu(int threads) {
    return Backends.open("cpu", threads, Precision.FP32);
  }

  /** R3F with noise, dropout and independent masks: the loss, all gradients. */
  private record Outcome(double loss, double[] logits, double[] gradients) {

    static Outcome of(TestModel m, PackedBatch batch) {
      try (Arena.Scope scope = m.activations.open()) {
        Pass pass = m.pass(STEP, true);
        DeviceBatch once = m.upload(batch);
        Tensor noised = m.model.embedWords(pass, once);
        Key noise = STEP.at(Sites.EMBEDDING_NOISE);
        m.kernels.addNoise(noised, noised, NoiseType.NORMAL, 0.3f, noise, once.tokenRows());
        DeviceBatch both = m.upload(batch.repeat(2, false));
        TestLosses.R3f r3f = TestLosses.r3f(m, pass, both, noised, 1.5f, true);
        return new Outcome(r3f.loss(), m.values(r3f.noised()), m.values(m.gradients.block()));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void equalsTheReference(Architecture architecture) {
    ModelConfig config = TinyModels.config(architecture, 3);
    PackedBatch batch = TinyModels.batch(config, KEY, 7, 1, 24, 13);
    try (TestModel exact = new TestModel(new ReferenceKernels(), config, KEY);
        Kernels k = cpu(2);
        TestModel m = new TestModel(k, config, KEY)) {
      Outcome expected = Outcome.of(exact, batch);
      Outcome actual = Outcome.of(m, batch);
      assertEquals(expected.loss, actual.loss, 1e-5);
      assertArrayEquals(expected.logits, actual.logits, 1e-5);
      for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
        double[] wanted = exact.values(exact.gradients.get(entry));
        double[] difference = m.values(m.gradients.get(entry));
        for (int i = 0; i < wanted.length; i++) {
          difference[i] -= wanted[i];
        }
        // The bias of the keys has no gradient but rounding.
        boolean zero = entry.name().endsWith("key.bias");
        double scale = norm(zero ? expected.gradients : wanted);
        assertEquals(0, norm(difference) / scale, 1e-5, entry.name());
      }
    }
  }

  private static double norm(double[] x) {
    return Math.sqrt(Arrays.stream(x).map(v -> v * v).sum());
  }

  @Test
  void threadsChangeNoBit() {
    ModelConfig config = TinyModels.config(Architecture.ROBERTA, 2);
    PackedBatch batch = TinyModels.batch(config, KEY, 7, 1, 24, 13);
    double[][] gradients = new double[3][];
    for (int threads = 1; threads <= 3; threads++) {
      try (Kernels k = cpu(threads);
          TestModel m = new TestModel(k, config, KEY)) {
        gradients[threads - 1] = Outcome.of(m, batch).gradients;
      }
    }
    assertTrue(norm(gradients[0]) > 0);
    assertArrayEquals(gradients[0], gradients[1]);
    assertArrayEquals(gradients[0], gradients[2]);
  }

  @Test
  void anExampleDoesNotDependOnTheBatchItIsIn() {
    ModelConfig config = TinyModels.config(Architecture.BERT, 2);
    SplittableRandom random = new SplittableRandom(6);
    try (Kernels k = cpu(2);
        TestModel m = new TestModel(k, config, KEY)) {
      for (int round = 0; round < 200; round++) {
        int[] lengths = random.ints(1 + random.nextInt(6), 1, 25).toArray();
        PackedBatch batch = TinyModels.batch(config, KEY.at(round), lengths);
        boolean training = round % 2 == 0;
        double[] packed = logits(m, batch, training);
        for (int b = 0; b < lengths.length; b++) {
          double[] alone = logits(m, TinyModels.single(batch, b), training);
          assertArrayEquals(Arrays.copyOfRange(packed, 2 * b, 2 * b + 2), alone, 1e-6);
        }
      }
    }
  }

  private static double[] logits(TestModel m, PackedBatch batch, boolean training) {
    try (Arena.Scope scope = m.activations.open()) {
      Pass pass = m.pass(STEP, training);
      DeviceBatch device = m.upload(batch);
      return m.values(m.model.infer(pass, device, m.model.embedWords(pass, device)));
    }
  }
}
