package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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

    static Run of(Kernels kernels, String name) {
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
          Pass pass = new Pass(k, m.activations, KEY.at(step), true, true);
          losses[step] = criterion.accumulate(m.model, pass, batch, 0.25f, m.gradients).meanLoss();
          gradients = step == 0 ? m.values(m.gradients.block()) : gradients;
          adam.step(m.gradients, 1e-3, 1);
        }
        return new Run(losses, gradients);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("criteria")
  void tenUpdatesAreThoseOfCpu(String criterion) {
    Run cpu = Run.of(Backends.open("cpu", 1, Precision.FP32), criterion);
    Run cuda = Run.of(EmulatedCuda.kernels(), criterion);
    assertArrayEquals(cpu.losses, cuda.losses, 1e-5);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < cpu.gradients.length; i++) {
      difference += Math.pow(cpu.gradients[i] - cuda.gradients[i], 2);
      norm += Math.pow(cpu.gradients[i], 2);
    }
    assertEquals(0, Math.sqrt(difference / norm), 1e-5);
  }
}
