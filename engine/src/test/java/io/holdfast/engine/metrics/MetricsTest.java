package io.holdfast.engine.metrics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.data.Columns;
import io.holdfast.engine.data.Example;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.Tasks;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MetricsTest {

  // TP 1, FP 1, FN 2, TN 1.
  private static final int[] LABELS = {1, 1, 1, 0, 0};
  private static final int[] PREDICTIONS = {1, 0, 0, 1, 0};

  @Test
  void whatIsNotDefinedIsTheWorst() {
    List<Double> values = new ArrayList<>(List.of(0.0, Double.NaN, 0.5, -0.0, -1.0));
    values.sort(Metrics.byQuality("accuracy"));
    assertEquals(List.of(Double.NaN, -1.0, 0.0, -0.0, 0.5), values);
    values.sort(Metrics.byQuality("loss"));
    assertEquals(List.of(Double.NaN, 0.5, 0.0, -0.0, -1.0), values);
  }

  @Test
  void paraphraseReportsAccuracyF1AndTheirMean() {
    Map<String, Double> m = Metrics.compute(Tasks.named("mrpc"), PREDICTIONS, LABELS);
    assertEquals(List.of("accuracy", "f1", "combined_score"), new ArrayList<>(m.keySet()));
    assertEquals(0.4, m.get("accuracy"), 1e-15);
    assertEquals(0.4, m.get("f1"), 1e-15); // 2·1 / (2 + 1 + 2)
    assertEquals(0.4, m.get("combined_score"), 1e-15);
  }

  @Test
  void acceptabilityReportsMatthews() {
    Map<String, Double> m = Metrics.compute(Tasks.named("cola"), PREDICTIONS, LABELS);
    // (1·1 − 1·2) / sqrt((1+1)(1+2)(1+1)(1+2))
    assertEquals(Map.of("matthews_correlation", -1.0 / 6), m);
  }

  @Test
  void f1FollowsThePositiveLabelWhenTheCheckpointHasAnotherOrder() {
    Task swapped = Tasks.named("mrpc").withLabelOrder(List.of("equivalent", "not_equivalent"));
    int[] labels = {0, 0, 0, 1, 1};
    int[] predictions = {0, 0, 1, 0, 1};
    // Two of three equivalent pairs found, three claimed.
    assertEquals(2.0 / 3, Metrics.compute(swapped, predictions, labels).get("f1"), 1e-15);
  }

  @Test
  void thePositiveLabelOfTwoOwnOnesIsTheSecondInSortedOrder() {
    Columns columns = Columns.named("a", null, "y");
    for (List<String> order : List.of(List.of("pos", "neg"), List.of("neg", "pos"))) {
      assertEquals("pos", Tasks.classification("own", columns, order).positiveLabel());
    }
    assertEquals("10", Tasks.classification("own", columns, List.of("10", "9")).positiveLabel());
  }

  @Test
  void similarityReportsBothCorrelationsAndTheirMean() {
    float[] logits = {1, 2, 3, 10};
    float[] targets = {0, 1, 2, 2.5f};
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      examples.add(new Example("a", "b", -1, targets[i]));
    }
    Map<String, Double> m = Metrics.compute(Tasks.named("stsb"), logits, examples);
    assertEquals(List.of("pearson", "spearmanr", "combined_score"), new ArrayList<>(m.keySet()));
    // x − 4 = −3 −2 −1 6, y − 1.375 = −1.375 −.375 .625 1.125: 11 / sqrt(50 · 3.6875)
    double pearson = 11 / Math.sqrt(50 * 3.6875);
    assertEquals(pearson, m.get("pearson"), 1e-15);
    assertEquals(1, m.get("spearmanr"), 1e-15);
    assertEquals((1 + pearson) / 2, m.get("combined_score"), 1e-15);
  }

  @Test
  void constantPredictionsHaveNoCorrelation() {
    double[] targets = {1, 2, 3};
    Map<String, Double> m = Metrics.compute(Tasks.named("stsb"), new double[] {2, 2, 2}, targets);
    assertTrue(m.values().stream().allMatch(v -> v.isNaN()), m.toString());
  }

  @Test
  void logitsAreArgmaxedByRowAndTheFirstOfEqualsWins() {
    float[] logits = {0, 2, 1, /**/ 5, 5, 5, /**/ -3, -2, -1};
    assertArrayEquals(new int[] {1, 0, 2}, Metrics.argmax(logits, 3));
  }

  @Test
  void tiesShareTheMeanRank() {
    assertArrayEquals(
        new double[] {3.5, 1, 3.5, 2, 5}, Correlation.ranks(new double[] {7, -1, 7, 0, 9}));
  }

  @Test
  void seriesOfUnequalLengthAreRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> Correlation.pearson(new double[] {1, 2, 3}, new double[] {1, 2}));
    assertThrows(
        IllegalArgumentException.class, () -> new Confusion(new int[] {1}, new int[] {1, 0}, 2));
  }
}
