package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.HiddenNoise;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where HyPe's noise is and where it is not; its numbers are those of {@link NoiseGoldenTest}. */
class HypeTest {

  private static final Key KEY = Key.of(41);
  private static final ModelConfig CONFIG = TinyModels.config(Architecture.ROBERTA, 3);
  private static final PackedBatch BATCH = TinyModels.batch(CONFIG, KEY, 4, 11, 1);

  private static Kernels open(String backend) {
    return backend.equals("cpu") ? new CpuKernels(2, Precision.FP32) : new ReferenceKernels();
  }

  private static double[] gradients(String backend, Criterion criterion) {
    try (Kernels k = open(backend);
        TestModel m = new TestModel(k, CONFIG, KEY)) {
      criterion.accumulate(m.model, m.pass(KEY, true), BATCH, 1f, m.gradients);
      assertEquals(0, m.activations.used());
      return m.values(m.gradients.block());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu"})
  void withoutNoiseItIsCrossEntropyToTheBit(String backend) {
    double[] plain = gradients(backend, new CrossEntropy());
    Hype none = new Hype(new HypeOptions(0, NoiseType.UNIFORM));
    assertArrayEquals(plain, gradients(backend, none));
    Hype some = new Hype(new HypeOptions(0.1, NoiseType.UNIFORM));
    assertNotEquals(Arrays.toString(plain), Arrays.toString(gradients(backend, some)));
  }

  /** In the memory of one layer the noise is the same. */
  @ParameterizedTest
  @EnumSource(NoiseType.class)
  void inferenceUnderNoiseIsTheForward(NoiseType type) {
    try (Kernels k = open("cpu");
        TestModel m = new TestModel(k, CONFIG, KEY)) {
      Pass plain = m.pass(KEY, true);
      Pass pass = plain.withHiddenNoise(new HiddenNoise(type, 0.1f));
      DeviceBatch x = m.upload(BATCH);
      double[] logits =
          m.values(m.model.forward(pass, x, m.model.embedWords(pass, x)).logits()).clone();
      assertArrayEquals(logits, m.values(m.model.infer(pass, x, m.model.embedWords(pass, x))));
      double[] clean = m.values(m.model.infer(plain, x, m.model.embedWords(plain, x)));
      assertNotEquals(clean[0], logits[0]);
    }
  }
}
