package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.none.NullKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import io.holdfast.model.Work;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** SMART's ascent, projections, masks and cost. */
class SmartTest {

  private static final int[] LENGTHS = {3, 9, 1, 12, 7};
  private static final PackedBatch BATCH = CriterionRun.batch(LENGTHS);

  private static Criterion smart(Object... keysAndValues) {
    return CriterionRun.create("smart", keysAndValues);
  }

  private static double kl(CriterionRun run) {
    return run.report().parts().get("kl");
  }

  @ParameterizedTest
  @CsvSource({"reference, paper", "cpu, paper", "reference, public-code", "cpu, public-code"})
  void withoutStartAndStepItIsCrossEntropyToTheBit(String backend, String projection) {
    CriterionRun plain =
        CriterionRun.of(CriterionRun.open(backend), new CrossEntropy(), true, BATCH);
    Criterion still =
        smart(
            "smart_noise_std",
            0,
            "smart_step_size",
            0,
            "smart_dropout",
            "shared",
            "smart_projection",
            projection);
    CriterionRun run = CriterionRun.of(CriterionRun.open(backend), still, true, BATCH);
    assertArrayEquals(plain.gradients(), run.gradients());
    assertEquals(0, kl(run));
    assertEquals(plain.report().loss(), run.report().loss());
    Criterion none = smart("smart_lambda", 0);
    CriterionRun without = CriterionRun.of(CriterionRun.open(backend), none, true, BATCH);
    assertArrayEquals(plain.gradients(), without.gradients());
    assertEquals(plain.report(), without.report());
  }

  @Test
  void theAscentTakesNoWeightGradientsAndRunsThePerturbedBranchAlone() {
    NullKernels plain = counted(new CrossEntropy());
    for (int k : new int[] {1, 3}) {
      NullKernels run = counted(smart("smart_steps", k));
      for (String each :
          List.of("linear", "attention", "linearBackwardInput", "attentionBackward")) {
        assertTimes(2 + k, plain, run, each);
      }
      assertTimes(2, plain, run, "linearBackwardWeight");
      assertEquals(k, run.calls("ascend"));
      long n = BATCH.tokenCount();
      Work work = CriterionRun.of(smart("smart_steps", k), BATCH).work();
      assertEquals(new Work((2 + k) * n, 2 * n, k * n), work);
    }
    Work one = CriterionRun.of(smart(), BATCH).work();
    double passes = one.forwardPasses(32) + 2 * one.backwardPasses(32);
    assertEquals(8.0 / 3, passes / 3, 1e-12);
  }

  private static void assertTimes(int times, NullKernels plain, NullKernels run, String operation) {
    NullKernels.Count one = plain.counts().get(operation);
    NullKernels.Count all = run.counts().get(operation);
    assertTrue(one.calls() > 0, operation);
    assertEquals(times * one.calls(), all.calls(), operation);
    assertEquals(times * one.bytes(), all.bytes(), operation);
  }

  private static NullKernels counted(Criterion criterion) {
    NullKernels none = new NullKernels();
    try (TestModel m = new TestModel(none.kernels(), CriterionRun.CONFIG, Key.of(1))) {
      criterion.accumulate(m.model, m.pass(Key.of(2), true), BATCH, 1, m.gradients);
    }
    return none;
  }

  @Test
  void thePaperStaysInTheCube() {
    Criterion criterion =
        smart(
            "smart_steps",
            4,
            "smart_noise_std",
            0.01,
            "smart_step_size",
            0.02,
            "smart_epsilon",
            0.03125);
    List<double[]> deltas = CriterionRun.of(criterion, BATCH).perturbations();
    assertEquals(5, deltas.size());
    double[] start = deltas.get(0);
    assertEquals(0.01, Math.sqrt(Arrays.stream(start).map(v -> v * v).average().orElse(0)), 1e-3);
    for (double[] delta : deltas.subList(1, 5)) {
      assertTrue(largest(delta) <= 0.03125);
    }
    assertEquals(0.03125, largest(deltas.get(4)));
  }

  /** A step moves the element of the largest gradient of each sequence by its length. */
  @Test
  void thePapersStepIsNormalisedBySequence() {
    Criterion criterion =
        smart("smart_noise_std", 0.01, "smart_step_size", 0.5, "smart_epsilon", 10);
    List<double[]> deltas = CriterionRun.of(criterion, BATCH).perturbations();
    int row = 0;
    for (int length : LENGTHS) {
      double top = 0;
      for (int i = row * hidden(); i < (row + length) * hidden(); i++) {
        top = Math.max(top, Math.abs(deltas.get(1)[i] - deltas.get(0)[i]));
      }
      assertEquals(0.5, top, 1e-12);
      row += length;
    }
  }

  @Test
  void thePublicCodeEndsAtOneForEveryToken() {
    Criterion criterion = smart("smart_projection", "public-code", "smart_steps", 2);
    List<double[]> deltas = CriterionRun.of(criterion, BATCH).perturbations();
    double[] delta = deltas.get(deltas.size() - 1);
    for (int r = 0; r < BATCH.tokenCount(); r++) {
      double size = largest(Arrays.copyOfRange(delta, r * hidden(), (r + 1) * hidden()));
      assertEquals(1, size, 1e-5);
    }
  }

  @Test
  void theAscentRaisesTheTerm() {
    Object[] settings = {
      "smart_noise_std",
      0.01,
      "smart_epsilon",
      0.5,
      "smart_dropout",
      "shared",
      "smart_step_size",
      0.05,
      "smart_steps",
      1
    };
    Object[] still = settings.clone();
    still[7] = 0;
    double last = kl(CriterionRun.of(smart(still), BATCH));
    for (int k = 1; k < 4; k++) {
      settings[9] = k;
      double now = kl(CriterionRun.of(smart(settings), BATCH));
      assertTrue(now > last, k + " steps: " + now + " after " + last);
      last = now;
    }
  }

  @Test
  void theTeacherFollowsTheWeights() {
    try (ReferenceKernels k = new ReferenceKernels();
        TestModel m = new TestModel(k, CriterionRun.CONFIG, Key.of(1));
        Arena kept = new Arena(k, m.weights.block().bytes() + 64)) {
      assertEquals(Map.of(), smart().takeState(k, kept, m.model, Key.of(2)));
      assertEquals(0, kept.used());
      Criterion criterion = smart("smart_bregman_mu", 1, "smart_bregman_beta", 0.75);
      Map<String, Parameters> state = criterion.takeState(k, kept, m.model, Key.of(2));
      Tensor teacher = state.get("teacher").block();
      double[] first = m.values(m.weights.block());
      criterion.beginUpdate(k);
      assertArrayEquals(first, m.values(teacher), 1e-15);
      TinyModels.randomise(k, m.weights, Key.of(3));
      double[] second = m.values(m.weights.block());
      criterion.beginUpdate(k);
      criterion.beginUpdate(k);
      double[] slow = m.values(teacher);
      for (int i = 0; i < slow.length; i++) {
        assertEquals(first[i] * 9 / 16 + second[i] * 7 / 16, slow[i], 1e-15);
      }
    }
  }

  @Test
  void theProximalTermTakesAForward() {
    long n = BATCH.tokenCount();
    CriterionRun both = CriterionRun.of(smart("smart_bregman_mu", 1), BATCH);
    assertEquals(new Work(4 * n, 2 * n, n), both.work());
    Criterion alone = smart("smart_bregman_mu", 0.5, "smart_lambda", 0);
    CriterionRun run = CriterionRun.of(alone, BATCH);
    assertEquals(new Work(2 * n, n, 0), run.work());
    Map<String, Double> parts = run.report().parts();
    assertEquals(List.of("ce", "proximal"), List.copyOf(parts.keySet()));
    assertTrue(parts.get("proximal") > 1e-3, "the teacher has no dropout");
    assertEquals(parts.get("ce") + 0.5 * parts.get("proximal"), run.report().loss());
    CriterionRun still = CriterionRun.of(CriterionRun.open("reference"), alone, false, BATCH);
    CriterionRun plain =
        CriterionRun.of(CriterionRun.open("reference"), new CrossEntropy(), false, BATCH);
    assertEquals(0, still.report().parts().get("proximal"), 1e-20);
    assertTrue(plain.distance(still) < 1e-12, "at the teacher the term is flat");
  }

  @Test
  void dropoutIsInTheTermOnlyWithIndependentMasks() {
    double independent = kl(CriterionRun.of(smart(), BATCH));
    double shared = kl(CriterionRun.of(smart("smart_dropout", "shared"), BATCH));
    assertTrue(independent > 1e-3, "independent " + independent);
    assertTrue(shared > 0 && shared < 1e-5 * independent, "shared " + shared);
  }

  /** At p = q both gradients vanish; to first order about it TARGETS has half of either. */
  @Test
  void constantTargetsHalveTheGradientOfASmallTerm() {
    Object[] small = {"smart_dropout", "shared", "smart_noise_std", 1e-3, "smart_epsilon", 1e-3};
    Object[] targets = Arrays.copyOf(small, 8);
    targets[6] = "smart_stop_grad";
    targets[7] = "targets";
    CriterionRun plain = CriterionRun.of(new CrossEntropy(), BATCH);
    CriterionRun whole = CriterionRun.of(smart(small), BATCH);
    CriterionRun half = CriterionRun.of(smart(targets), BATCH);
    assertEquals(kl(whole), kl(half));
    double product = 0;
    double square = 0;
    for (int i = 0; i < plain.gradients().length; i++) {
      double a = whole.gradients()[i] - plain.gradients()[i];
      double b = half.gradients()[i] - plain.gradients()[i];
      product += a * b;
      square += a * a;
    }
    assertTrue(square > 0);
    assertEquals(0.5, product / square, 1e-2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu"})
  void theMeanGradientDoesNotDependOnTheBatch(String backend) {
    Criterion criterion =
        smart("smart_steps", 2, "smart_noise_std", 0.1, "smart_step_size", 0.1, "smart_epsilon", 1);
    PackedBatch[] singles =
        IntStream.range(0, LENGTHS.length)
            .mapToObj(b -> TinyModels.single(BATCH, b))
            .toArray(PackedBatch[]::new);
    CriterionRun whole = CriterionRun.of(CriterionRun.open(backend), criterion, true, BATCH);
    CriterionRun parts = CriterionRun.of(CriterionRun.open(backend), criterion, true, singles);
    assertTrue(whole.distance(parts) < (backend.equals("cpu") ? 1e-5 : 1e-12));
  }

  private static int hidden() {
    return CriterionRun.CONFIG.hiddenSize();
  }

  private static double largest(double[] x) {
    return Arrays.stream(x).map(Math::abs).max().orElse(0);
  }
}
