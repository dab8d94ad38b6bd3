package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.engine.optim.AdamW;
import io.holdfast.engine.optim.AdamWConfig;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.cuda.EmulatedCuda;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every criterion trains on the cuda backend, on an emulated driver, as it does on cpu. */
class EmulatedCudaTest {

  private static final int STEPS = 10;
  private static final Key KEY = Key.of(61);

  static List<String> criteria() {
    return List.copyOf(Criteria.names());
  }

  /** Large enough to be seen above the rounding: SMART follows the gradient of a small distance. */
  private static final Object[] NOISE = {"eps", 0.1, "hype_eps", 0.1, "smart_noise_std", 0.1};

  /** Losses of ten updates with dropout and noise, and the gradients of the first. */
  private record Run(double[] losses, double[] gradients) {

    static Run of(Kernels kernels, String name, float lossScale) {
      ModelConfig config = TinyModels.config(Architecture.ROBERTA, 3);
      double[] losses = new double[STEPS];
      double[] gradients = null;
      try (Kernels k = kernels;
          TestModel m = new TestModel(k, config, KEY);
          Arena kept = new Arena(k, 4 * m.weights.block().bytes() + 4096)) {
        Criterion criterion = CriterionRun.create(name, NOISE);
        criterion.takeState(k, kept, m.model, KEY);
        var groups = AdamW.decayMatrices(0.01);
        AdamW adam = new AdamW(k, kept, m.weights, AdamWConfig.DEFAULT, groups);
        for (int step = 0; step < STEPS; step++) {
          PackedBatch batch = TinyModels.batch(config, KEY.at(step % 3), 7, 1, 24, 13);
          k.zero(m.gradients.block());
          criterion.beginUpdate(k);
          m.model.weightsChanged(k);
          Pass plain = new Pass(k, m.activations, KEY.at(step), true, true);
          Pass pass = plain.withLossScale(lossScale);
          float scale = 0.25f * lossScale;
          losses[step] = criterion.accumulate(m.model, pass, batch, scale, m.gradients).meanLoss();
          gradients = step == 0 ? m.values(m.gradients.block()) : gradients;
          adam.step(m.gradients, 1e-3, 1 / lossScale);
        }
        return new Run(losses, gradients);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("criteria")
  void tenUpdatesAreThoseOfCpu(String criterion) {
    compare(criterion, Precision.FP32, 1, 1e-5);
  }

  /** Roundings of hidden states add up as GoldenTest says. */
  @ParameterizedTest
  @MethodSource("criteria")
  void tenUpdatesInBf16AreNearThoseOfCpu(String criterion) {
    compare(criterion, Precision.BF16, 1, 16 * 0x1p-8);
  }

  @ParameterizedTest
  @MethodSource("criteria")
  void tenUpdatesInFp16AreNearThoseOfCpu(String criterion) {
    compare(criterion, Precision.FP16, 128, 16 * 0x1p-11);
  }

  private static void compare(
      String criterion, Precision precision, float lossScale, double tolerance) {
    Run cpu = Run.of(Backends.open("cpu", 1, Precision.FP32), criterion, 1);
    Run cuda = Run.of(EmulatedCuda.kernels(precision), criterion, lossScale);
    for (int step = 0; step < STEPS; step++) {
      double loss = cpu.losses[step];
      assertEquals(loss, cuda.losses[step], tolerance * Math.max(1, loss), "step " + step);
    }
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < cpu.gradients.length; i++) {
      difference += Math.pow(cpu.gradients[i] - cuda.gradients[i] / lossScale, 2);
      norm += Math.pow(cpu.gradients[i], 2);
    }
    assertEquals(0, Math.sqrt(difference / norm), tolerance);
  }
}
