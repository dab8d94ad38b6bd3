package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** R-Drop's formula, in terms of cross-entropy's. */
class RDropTest {

  private static final Key KEY = Key.of(31);
  private static final Key STEP = Key.of(32).at(1);
  private static final int[] LENGTHS = {3, 9, 1, 12, 5};

  private record Result(LossReport report, double[] gradients) {}

  private static Result run(
      Kernels kernels, Criterion criterion, boolean regression, boolean dropout, int copy) {
    ModelConfig config =
        regression
            ? TinyModels.regression(Architecture.ROBERTA)
            : TinyModels.config(Architecture.BERT, 3);
    try (kernels;
        TestModel m = new TestModel(kernels, config, KEY)) {
      PackedBatch batch = copy(TinyModels.batch(config, KEY, LENGTHS), copy);
      Pass pass = m.pass(STEP, dropout);
      LossReport report = criterion.accumulate(m.model, pass, batch, 0.5f, m.gradients);
      assertEquals(0, m.activations.used());
      return new Result(report, m.values(m.gradients.block()));
    }
  }

  /** The batch as it draws in copy 0 or 1 of a repeated one. */
  private static PackedBatch copy(PackedBatch x, int copy) {
    int b = x.sequences();
    int[] streams = Arrays.copyOfRange(x.repeat(2, false).streams(), copy * b, (copy + 1) * b);
    return new PackedBatch(x.tokens(), x.types(), x.starts(), streams, x.labels(), x.targets());
  }

  private static RDrop rDrop(double alpha) {
    return new RDrop(new RDropOptions(alpha));
  }

  /** ‖a − b‖ / ‖a‖. */
  private static double distance(double[] a, double[] b) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < a.length; i++) {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      norm += a[i] * a[i];
    }
    return Math.sqrt(difference / norm);
  }

  /** The sums run over twice the rows of half the size: the same but for rounding. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void withoutDropoutItIsCrossEntropy(boolean regression) {
    Result plain = run(new ReferenceKernels(), new CrossEntropy(), regression, false, 0);
    Result twice = run(new ReferenceKernels(), rDrop(3), regression, false, 0);
    assertEquals(0, twice.report.parts().get(regression ? "consistency" : "kl"));
    assertEquals(plain.report.loss(), twice.report.loss(), 1e-6);
    assertEquals(plain.report.examples(), twice.report.examples());
    assertEquals(plain.report.tokens(), twice.report.tokens());
    assertTrue(distance(plain.gradients, twice.gradients) < 1e-13);
    Result fp32 = run(new CpuKernels(2, Precision.FP32), rDrop(3), regression, false, 0);
    assertTrue(distance(plain.gradients, fp32.gradients) < 1e-5);
  }

  /** The first branch draws the masks of a plain step, the second its own. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void withoutAlphaItIsTheMeanOfTwoDraws(boolean regression) {
    Result first = run(new ReferenceKernels(), new CrossEntropy(), regression, true, 0);
    Result second = run(new ReferenceKernels(), new CrossEntropy(), regression, true, 1);
    Result both = run(new ReferenceKernels(), rDrop(0), regression, true, 0);
    double[] mean = new double[first.gradients.length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (first.gradients[i] + second.gradients[i]) / 2;
    }
    assertTrue(distance(mean, both.gradients) < 1e-13);
    assertTrue(distance(first.gradients, both.gradients) > 1e-2);
    assertEquals((first.report.loss() + second.report.loss()) / 2, both.report.loss(), 1e-6);
    assertTrue(both.report.parts().get(regression ? "consistency" : "kl") > 1e-3);
  }
}
