package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Norm;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.TinyModels;
import io.holdfast.model.Work;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** FreeLB's passes, perturbations and masks. */
class FreelbTest {

  private static final int[] LENGTHS = {3, 9, 1, 12, 7};
  private static final int HIDDEN = CriterionRun.CONFIG.hiddenSize();
  private static final PackedBatch BATCH = CriterionRun.batch(LENGTHS);

  private static Criterion freelb(Object... keysAndValues) {
    return CriterionRun.create("freelb", keysAndValues);
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu"})
  void onePassWithoutStartIsCrossEntropyToTheBit(String backend) {
    CriterionRun plain =
        CriterionRun.of(CriterionRun.open(backend), new CrossEntropy(), true, BATCH);
    Criterion one = freelb("freelb_steps", 1, "freelb_init_mag", 0);
    CriterionRun run = CriterionRun.of(CriterionRun.open(backend), one, true, BATCH);
    assertArrayEquals(plain.gradients(), run.gradients());
    assertEquals(plain.report(), run.report());
    assertEquals(List.of(), run.perturbations());
  }

  /** With other masks in any pass the mean of three gradients would be another one. */
  @Test
  void allPassesDrawTheSameMasks() {
    CriterionRun plain = CriterionRun.of(new CrossEntropy(), BATCH);
    Criterion still = freelb("freelb_init_mag", 0, "freelb_adv_lr", 0);
    CriterionRun run = CriterionRun.of(still, BATCH);
    assertTrue(plain.distance(run) < 1e-6, "scale/3 is rounded to fp32");
    assertEquals(run.report().parts().get("ce"), run.report().parts().get("adv"));
    assertEquals(plain.report().loss(), run.report().loss(), 1e-12);
  }

  @Test
  void kPassesTakeKForwardsKBackwardsAndOneStepLess() {
    long n = BATCH.tokenCount();
    for (int k : new int[] {1, 2, 5}) {
      CriterionRun run = CriterionRun.of(freelb("freelb_steps", k), BATCH);
      assertEquals(new Work(k * n, k * n, 0), run.work());
      int steps = Math.max(0, run.perturbations().size() - 1);
      assertEquals(k - 1, steps);
    }
  }

  @ParameterizedTest
  @EnumSource(Norm.class)
  void thePerturbationStartsAsPublishedAndStaysInTheBall(Norm norm) {
    double mag = 0.4;
    double bound = norm == Norm.L2 ? 0.3 : 0.02;
    Criterion criterion =
        freelb(
            "freelb_norm",
            norm,
            "freelb_init_mag",
            mag,
            "freelb_max_norm",
            bound,
            "freelb_steps",
            4,
            "freelb_adv_lr",
            bound / 2);
    CriterionRun run = CriterionRun.of(criterion, BATCH);
    for (int b = 0; b < LENGTHS.length; b++) {
      double half = norm == Norm.L2 ? mag / Math.sqrt(LENGTHS[b] * HIDDEN) : mag;
      double start = largest(rows(run.perturbations().get(0), b));
      assertTrue(start <= half * (1 + 1e-7) && start > 0.8 * half, start + " of " + half);
      for (double[] delta : run.perturbations().subList(1, 4)) {
        double[] own = rows(delta, b);
        double size = norm == Norm.L2 ? length(own) : largest(own);
        assertTrue(size <= bound * (1 + 1e-7), size + " in " + bound);
      }
    }
    // A uniform number between −1 and 1 has the variance 1/3.
    double all = length(run.perturbations().get(0));
    double expected = norm == Norm.L2 ? mag * Math.sqrt(5) : mag * Math.sqrt(32 * HIDDEN);
    assertEquals(expected / Math.sqrt(3), all, 0.05 * expected);
  }

  @Test
  void stepsAreAsLongAsAskedForWithoutABound() {
    Criterion criterion =
        freelb("freelb_init_mag", 0, "freelb_max_norm", 0, "freelb_adv_lr", 5, "freelb_steps", 2);
    double[] delta = CriterionRun.of(criterion, BATCH).perturbations().get(1);
    for (int b = 0; b < LENGTHS.length; b++) {
      assertEquals(5, length(rows(delta, b)), 1e-6);
    }
  }

  @Test
  void theAscentRaisesTheLossOfTheLastPass() {
    double last = 0;
    for (int k = 2; k < 6; k++) {
      Criterion criterion = freelb("freelb_steps", k, "freelb_init_mag", 0, "freelb_max_norm", 0);
      LossReport report = CriterionRun.of(criterion, BATCH).report();
      assertTrue(report.parts().get("adv") > report.parts().get("ce"));
      assertTrue(report.parts().get("adv") > last);
      last = report.parts().get("adv");
    }
  }

  @Test
  void anExampleIsPerturbedTheSameInAnyBatch() {
    Criterion criterion = freelb("freelb_norm", "linf", "freelb_init_mag", 0.2);
    CriterionRun whole = CriterionRun.of(criterion, BATCH);
    for (int b = 0; b < LENGTHS.length; b++) {
      CriterionRun alone = CriterionRun.of(criterion, TinyModels.single(BATCH, b));
      for (int t = 0; t < 3; t++) {
        double[] own = rows(whole.perturbations().get(t), b);
        assertArrayEquals(own, alone.perturbations().get(t), 1e-12);
      }
      assertNotEquals(0, alone.perturbations().get(0)[0]);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu"})
  void theMeanGradientDoesNotDependOnTheBatch(String backend) {
    Criterion criterion = freelb("freelb_init_mag", 1, "freelb_adv_lr", 0.5, "freelb_max_norm", 1);
    PackedBatch[] singles =
        IntStream.range(0, LENGTHS.length)
            .mapToObj(b -> TinyModels.single(BATCH, b))
            .toArray(PackedBatch[]::new);
    CriterionRun whole = CriterionRun.of(CriterionRun.open(backend), criterion, true, BATCH);
    CriterionRun parts = CriterionRun.of(CriterionRun.open(backend), criterion, true, singles);
    assertTrue(whole.distance(parts) < (backend.equals("cpu") ? 1e-5 : 1e-12));
  }

  private static double[] rows(double[] delta, int b) {
    int from = Arrays.stream(LENGTHS).limit(b).sum();
    return Arrays.copyOfRange(delta, from * HIDDEN, (from + LENGTHS[b]) * HIDDEN);
  }

  private static double length(double[] x) {
    return Math.sqrt(Arrays.stream(x).map(v -> v * v).sum());
  }

  private static double largest(double[] x) {
    return Arrays.stream(x).map(Math::abs).max().orElse(0);
  }
}
