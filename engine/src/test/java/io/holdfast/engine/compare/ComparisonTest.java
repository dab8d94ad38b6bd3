package io.holdfast.engine.compare;

import static io.holdfast.engine.compare.Comparison.Order.GIVEN;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.compare.Comparison.Arm;
import io.holdfast.engine.compare.Comparison.TaskRuns;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ComparisonTest {

  private static List<String> labels(TaskRuns task) {
    return task.arms().stream().map(Arm::label).toList();
  }

  private static TaskRuns only(RunResult... runs) {
    return Comparison.of(List.of(runs), null, GIVEN).tasks().get(0);
  }

  @Test
  void seedsArePairedWhateverTheOrderOfTheRuns() {
    TaskRuns task =
        only(
            Results.of("r3f", 3, 0.9),
            Results.of("r3f", 1, 0.7),
            Results.of("cross_entropy", 1, 0.6),
            Results.of("cross_entropy", 2, 0.8),
            Results.of("cross_entropy", 3, 0.6),
            Results.of("r3f", 5, 0.1));
    assertEquals(List.of("cross_entropy", "r3f"), labels(task));
    Arm r3f = task.arms().get(1);
    assertEquals(2, r3f.pairs());
    assertEquals(0.2, r3f.difference(), 1e-12); // seeds 1 and 3: 0.1 and 0.3
    assertEquals(0.5, r3f.p()); // two pairs of one sign: 2 of 4 flips
    assertArrayEquals(new double[] {0.7, 0.9, 0.1}, r3f.scores());
    assertEquals(20, r3f.seconds());
    assertEquals(2, r3f.passes());
    assertEquals(3 << 20, r3f.peakMemory());
  }

  /** Not better than 0.5 at the end, diverged, stopped as degenerate; a late fall is a failure. */
  @Test
  void failedRunsAreCountedAndDivergedOnesFallBackToTheMajority() {
    TaskRuns task =
        only(
            Results.of(RunResult.COMPLETED, "r3f", 1, 0.8, 0.5),
            Results.of(RunResult.COMPLETED, "r3f", 2, 0.8, 0.51),
            Results.of(RunResult.DIVERGED, "r3f", 3, Double.NaN, Double.NaN),
            Results.of(RunResult.DEGENERATE, "r3f", 4, 0.55, 0.55),
            Results.of(RunResult.EARLY_STOPPED, "r3f", 5, 0.7, 0.7));
    Arm arm = task.arms().get(0);
    assertEquals(3, arm.failed());
    assertArrayEquals(new double[] {0.8, 0.8, 0.5, 0.55, 0.7}, arm.scores());
    assertArrayEquals(new double[] {0.5, 0.51, 0.5, 0.55, 0.7}, arm.last());
  }

  /** The correlation of constant predictions, say. */
  @Test
  void aMetricThatWasNeverDefinedIsAFailureAndFallsBackToTheMajority() {
    TaskRuns task =
        only(
            Results.of("r3f", 1, 0.8),
            Results.of(RunResult.COMPLETED, "r3f", 2, Double.NaN, Double.NaN));
    assertEquals(1, task.arms().get(0).failed());
    assertArrayEquals(new double[] {0.8, 0.5}, task.arms().get(0).scores());
    assertArrayEquals(new double[] {0.8, 0.5}, task.arms().get(0).last());
  }

  @Test
  void runsOnOtherDataAreNotOneRow() {
    RunResult a = Results.of("r3f", 1, 0.8);
    RunResult b = Results.of("r3f", 2, 0.8);
    b.data().put("validation", "ff");
    String said = assertThrows(HoldfastException.class, () -> only(a, b)).getMessage();
    assertEquals(
        "runs rte-r3f-1 and rte-r3f-2 of task rte differ in their validation data: compare one at a"
            + " time",
        said);
  }

  private static Trial trial(String... options) {
    Map<String, String> all =
        new HashMap<>(Map.of("model", "m", "task", "rte", "data_dir", "d", "output_dir", "o"));
    for (int i = 0; i < options.length; i += 2) {
      all.put(options[i], options[i + 1]);
    }
    return Trial.of("rte-1", all);
  }

  /** The names are those of the table that the runs would make. */
  @Test
  void aBaselineIsCheckedBeforeThereAreRuns() {
    List<Trial> rates = List.of(trial("learning_rate", "1e-5"), trial("learning_rate", "3e-5"));
    Comparison.requireBaseline(rates, "learning-rate=1e-5");
    Comparison.requireBaseline(rates, null);
    String said =
        assertThrows(
                HoldfastException.class, () -> Comparison.requireBaseline(rates, "cross_entropy"))
            .getMessage();
    assertEquals(
        "no runs are named 'cross_entropy': there are [learning-rate=1e-5, learning-rate=3e-5]",
        said);
    Comparison.requireBaseline(List.of(trial("criterion", "r3f"), trial()), "r3f");
  }

  /** Where evaluation rows differ. */
  @Test
  void aRunIsHeldAgainstTheMajorityOfItsOwnRows() {
    ObjectNode other = Json.tree(Results.of("r3f", 2, 0.8)).deepCopy();
    TaskRuns task = only(Results.of("r3f", 1, 0.8), RunResult.of(other.put("majority", 0.9)));
    assertEquals(1, task.arms().get(0).failed());
  }

  @Test
  void armsAreNamedByWhatDiffersWithinTheirCriterion() {
    TaskRuns task =
        only(
            Results.of("r3f", 1, 0.6, "eps", "1.0E-5", "learning_rate", "3.0"),
            Results.of("r3f", 1, 0.6, "eps", "0.1", "learning_rate", "3.0"),
            Results.of("cross_entropy", 1, 0.6, "eps", "1.0E-5", "learning_rate", "3.0"));
    assertEquals(List.of("cross_entropy", "r3f eps=1e-5", "r3f eps=0.1"), labels(task));
    TaskRuns sweep =
        only(
            Results.of("r3f", 1, 0.6, "learning_rate", "3.0E-5"),
            Results.of("r3f", 1, 0.6, "learning_rate", "0.001", "r3f_dropout", "shared"));
    assertEquals(
        List.of(
            "learning-rate=3e-5 r3f-dropout=independent", "learning-rate=0.001 r3f-dropout=shared"),
        labels(sweep));
    assertEquals(List.of("learning_rate", "r3f_dropout"), sweep.varying());
    // A run of before there was an option is one of its default.
    TaskRuns old = only(Results.of("r3f", 1, 0.6), Results.of("r3f", 2, 0.6, "eps", "1.0E-5"));
    assertEquals(List.of("r3f"), labels(old));
  }

  @Test
  void tasksAreKeptApartAndTheBaselineIsFirst() {
    List<RunResult> runs =
        List.of(
            Results.of("r3f", 1, 0.6),
            Results.of("cross_entropy", 1, 0.6),
            Results.of("r3f", 1, 0.7, "task", "cola"));
    List<TaskRuns> tasks = Comparison.of(runs, null, GIVEN).tasks();
    assertEquals(List.of("rte", "cola"), tasks.stream().map(TaskRuns::task).toList());
    assertEquals("cross_entropy", tasks.get(0).baseline().label());
    assertEquals("r3f", tasks.get(1).baseline().label());
    assertEquals("r3f", Comparison.of(runs, "r3f", GIVEN).tasks().get(0).arms().get(0).label());
  }

  @Test
  void whatCannotBeComparedIsRefused() {
    RunResult run = Results.of("r3f", 1, 0.6);
    String twice =
        assertThrows(HoldfastException.class, () -> Comparison.of(List.of(run, run), null, GIVEN))
            .getMessage();
    assertTrue(twice.contains("two runs of rte, r3f, seed 1"), twice);
    String unknown =
        assertThrows(HoldfastException.class, () -> Comparison.of(List.of(run), "smart", GIVEN))
            .getMessage();
    assertTrue(unknown.contains("'smart': there are [r3f]"), unknown);
  }
}
