package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.criteria.R3fOptions.Compat;
import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.criteria.R3fOptions.StopGrad;
import io.holdfast.engine.options.Options;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** R3F's formula, noise and accumulation. */
class R3fTest {

  private static final Key KEY = Key.of(21);
  private static final Key STEP = Key.of(22).at(1);
  private static final ModelConfig CONFIG = TinyModels.config(Architecture.BERT, 3);
  private static final int[] LENGTHS = {3, 9, 1, 5, 12, 2, 7, 4, 6, 2, 8, 1, 3, 10, 5, 4};

  private static R3fOptions options(
      double eps, double lambda, NoiseType noise, Masks masks, Compat compat) {
    return new R3fOptions(eps, lambda, noise, masks, StopGrad.NONE, compat);
  }

  private static Kernels open(String backend) {
    return backend.equals("cpu") ? new CpuKernels(2, Precision.FP32) : new ReferenceKernels();
  }

  /** Gradients of a criterion, and its report. */
  private record Result(LossReport report, double[] gradients) {}

  private static Result run(
      Kernels k, Criterion criterion, boolean training, float scale, PackedBatch... batches) {
    try (k;
        TestModel m = new TestModel(k, CONFIG, KEY)) {
      criterion.takeState(k, m.activations, m.model, KEY);
      long kept = m.activations.used();
      LossReport report = LossReport.EMPTY;
      for (PackedBatch batch : batches) {
        Pass pass = new Pass(k, m.activations, STEP, training, true);
        report = report.plus(criterion.accumulate(m.model, pass, batch, scale, m.gradients));
      }
      assertEquals(kept, m.activations.used());
      return new Result(report, m.values(m.gradients.block()));
    }
  }

  private static PackedBatch batch() {
    return TinyModels.batch(CONFIG, KEY, LENGTHS);
  }

  private static double kl(double eps, NoiseType noise, Masks masks, Compat compat, boolean drop) {
    R3f criterion = new R3f(options(eps, 1, noise, masks, compat));
    return run(new ReferenceKernels(), criterion, drop, 1f, batch()).report.parts().get("kl");
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu"})
  void withoutLambdaTheGradientsAreThoseOfCrossEntropyToTheBit(String backend) {
    R3f r3f = new R3f(options(0.1, 0, NoiseType.UNIFORM, Masks.INDEPENDENT, Compat.PAPER));
    Result plain = run(open(backend), new CrossEntropy(), true, 0.5f, batch());
    Result withR3f = run(open(backend), r3f, true, 0.5f, batch());
    assertArrayEquals(plain.gradients, withR3f.gradients);
    assertEquals(plain.report, withR3f.report);
  }

  /** With no noise the gradient is linear in lambda: g(λ) − g(0) grows in proportion. */
  @Test
  void theConsistencyTermIsProportionalToLambda() {
    double[][] g = new double[3][];
    for (int i = 0; i < 3; i++) {
      R3f r3f = new R3f(options(0.2, i * 0.5, NoiseType.NORMAL, Masks.INDEPENDENT, Compat.PAPER));
      g[i] = run(new ReferenceKernels(), r3f, true, 1f, batch()).gradients;
    }
    for (int i = 0; i < g[0].length; i++) {
      assertEquals(2 * (g[1][i] - g[0][i]), g[2][i] - g[0][i], 1e-12);
    }
  }

  @ParameterizedTest
  @EnumSource(NoiseType.class)
  void theTermGrowsWithTheSquareOfTheNoise(NoiseType noise) {
    double low = kl(1e-3, noise, Masks.INDEPENDENT, Compat.PAPER, false);
    double middle = kl(1e-2, noise, Masks.INDEPENDENT, Compat.PAPER, false);
    double high = kl(1e-1, noise, Masks.INDEPENDENT, Compat.PAPER, false);
    assertTrue(low > 0);
    assertEquals(2, Math.log10(middle / low), 0.2);
    assertEquals(2, Math.log10(high / middle), 0.2);
  }

  @Test
  void withoutNoiseOrInFairseqsWayNothingReachesTheLogits() {
    assertEquals(0, kl(0, NoiseType.UNIFORM, Masks.INDEPENDENT, Compat.PAPER, false));
    assertEquals(0, kl(0, NoiseType.UNIFORM, Masks.SHARED, Compat.PAPER, true));
    assertEquals(0, kl(0.5, NoiseType.NORMAL, Masks.INDEPENDENT, Compat.FAIRSEQ, false));
    assertEquals(0, kl(0.5, NoiseType.NORMAL, Masks.SHARED, Compat.FAIRSEQ, true));
  }

  @Test
  void dropoutIsInTheTermOnlyWithIndependentMasks() {
    double independent = kl(1e-6, NoiseType.UNIFORM, Masks.INDEPENDENT, Compat.PAPER, true);
    double shared = kl(1e-6, NoiseType.UNIFORM, Masks.SHARED, Compat.PAPER, true);
    assertTrue(independent > 1e-3, "independent " + independent);
    assertTrue(shared > 0 && shared < 1e-7 * independent, "shared " + shared);
  }

  /** The noise of an example does not depend on how the masks are drawn. */
  @Test
  void theNoiseIsTheSameForBothMasks() {
    double independent = kl(1e-2, NoiseType.NORMAL, Masks.INDEPENDENT, Compat.PAPER, false);
    double shared = kl(1e-2, NoiseType.NORMAL, Masks.SHARED, Compat.PAPER, false);
    assertEquals(independent, shared);
  }

  @Test
  void theMeanGradientDoesNotDependOnTheBatchShape() {
    for (String name : Criteria.names()) {
      Map<String, Object> values = Map.of("eps", 0.1, "r3f_lambda", 0.7, "hype_eps", 0.2);
      Criterion criterion = Criteria.create(name, Options.parse(CriterionOptions.class, values));
      int n = LENGTHS.length;
      Result whole = run(new ReferenceKernels(), criterion, true, 1f / n, batch());
      Result fp32 = run(open("cpu"), criterion, true, 1f / n, batch());
      for (int size : new int[] {1, 3, 4}) {
        Result parts = run(new ReferenceKernels(), criterion, true, 1f / n, split(size));
        assertTrue(distance(whole.gradients, parts.gradients) < 1e-12, name + " by " + size);
        assertEquals(whole.report.meanLoss(), parts.report.meanLoss(), 1e-6);
        assertEquals(n, parts.report.examples());
        Result cpu = run(open("cpu"), criterion, true, 1f / n, split(size));
        assertTrue(distance(fp32.gradients, cpu.gradients) < 1e-6, name + " fp32 by " + size);
        assertEquals(fp32.report.meanLoss(), cpu.report.meanLoss(), 1e-6);
      }
    }
  }

  /** The batch in pieces of up to {@code size} sequences. */
  private static PackedBatch[] split(int size) {
    PackedBatch whole = batch();
    List<PackedBatch> parts = new java.util.ArrayList<>();
    for (int from = 0; from < whole.sequences(); from += size) {
      int to = Math.min(whole.sequences(), from + size);
      int t0 = whole.starts()[from];
      int t1 = whole.starts()[to];
      int[] starts = java.util.Arrays.copyOfRange(whole.starts(), from, to + 1);
      for (int i = 0; i < starts.length; i++) {
        starts[i] -= t0;
      }
      parts.add(
          new PackedBatch(
              java.util.Arrays.copyOfRange(whole.tokens(), t0, t1),
              java.util.Arrays.copyOfRange(whole.types(), t0, t1),
              starts,
              java.util.Arrays.copyOfRange(whole.streams(), from, to),
              java.util.Arrays.copyOfRange(whole.labels(), from, to),
              null));
    }
    return parts.toArray(PackedBatch[]::new);
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

  @Test
  void theAuditFindsNoiseThatDropoutDrowns() {
    try (ReferenceKernels k = new ReferenceKernels();
        TestModel m = new TestModel(k, CONFIG, KEY)) {
      NoiseAudit tiny = audit(m, 1e-6, Compat.PAPER);
      NoiseAudit large = audit(m, 0.1, Compat.PAPER);
      NoiseAudit none = audit(m, 0.1, Compat.FAIRSEQ);
      assertTrue(tiny.isNegligible(Masks.INDEPENDENT) && none.isNegligible(Masks.INDEPENDENT));
      assertFalse(large.isNegligible(Masks.INDEPENDENT));
      assertFalse(tiny.isNegligible(Masks.SHARED), "no dropout in the term to drown it");
      assertTrue(none.isNegligible(Masks.SHARED));
      assertEquals(tiny.dropout(), large.dropout());
      assertEquals(1, large.changed(), 0.01);
      assertEquals(0, none.changed());
      assertEquals(0, none.noise());
      assertTrue(large.noise() > 1e6 * tiny.noise());
      assertEquals(0, m.activations.used());
    }
  }

  private static NoiseAudit audit(TestModel m, double eps, Compat compat) {
    R3fOptions options = options(eps, 1, NoiseType.UNIFORM, Masks.INDEPENDENT, compat);
    return NoiseAudit.measure(m.model, m.pass(STEP, true), batch(), options);
  }
}
