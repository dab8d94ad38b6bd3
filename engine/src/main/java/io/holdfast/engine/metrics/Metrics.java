package io.holdfast.engine.metrics;

import io.holdfast.engine.data.Example;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.Tasks;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The metrics of a task, in its order, under the names of Hugging Face's {@code glue} metric. A
 * correlation that is not defined (see {@link Correlation}) is NaN, and so is a combined score of
 * it.
 */
public final class Metrics {

  private static final Set<String> LOWER_IS_BETTER = Set.of("loss", Tasks.MEAN_SQUARED_ERROR);

  private Metrics() {}

  /** True for the metrics of which less is better, the loss among them. */
  public static boolean lowerIsBetter(String metric) {
    return LOWER_IS_BETTER.contains(metric);
  }

  /** Orders values of a metric from worse to better; one that is not defined is the worst. */
  public static Comparator<Double> byQuality(String metric) {
    int sign = lowerIsBetter(metric) ? -1 : 1;
    return Comparator.comparingDouble(
        value -> value.isNaN() ? Double.NEGATIVE_INFINITY : sign * value + 0.0); // −0 is 0
  }

  /**
   * From the logits of labelled examples.
   *
   * @param logits [n, C] row-major, in the order of {@code examples}
   */
  public static LinkedHashMap<String, Double> compute(
      Task task, float[] logits, List<Example> examples) {
    if (task.regression()) {
      double[] targets = examples.stream().mapToDouble(Example::target).toArray();
      return compute(task, doubles(logits), targets);
    }
    int[] labels = examples.stream().mapToInt(Example::label).toArray();
    return compute(task, argmax(logits, task.outputs()), labels);
  }

  public static double[] doubles(float[] x) {
    return IntStream.range(0, x.length).mapToDouble(i -> x[i]).toArray();
  }

  /** For classes: ids predicted and true. */
  public static LinkedHashMap<String, Double> compute(Task task, int[] predictions, int[] labels) {
    Confusion confusion = new Confusion(predictions, labels, task.outputs());
    LinkedHashMap<String, Double> values = new LinkedHashMap<>();
    for (String metric : task.metrics()) {
      values.put(
          metric,
          switch (metric) {
            case Tasks.ACCURACY -> confusion.accuracy();
            case Tasks.F1 -> confusion.f1(task.positive());
            case Tasks.MACRO_F1 -> confusion.macroF1();
            case Tasks.MATTHEWS -> confusion.matthews();
            case Tasks.COMBINED -> mean(values);
            default -> throw unknown(metric);
          });
    }
    return values;
  }

  /** For numbers: predictions and targets. */
  public static LinkedHashMap<String, Double> compute(
      Task task, double[] predictions, double[] targets) {
    LinkedHashMap<String, Double> values = new LinkedHashMap<>();
    for (String metric : task.metrics()) {
      values.put(
          metric,
          switch (metric) {
            case Tasks.PEARSON -> Correlation.pearson(predictions, targets);
            case Tasks.SPEARMAN -> Correlation.spearman(predictions, targets);
            case Tasks.MEAN_SQUARED_ERROR -> Correlation.meanSquaredError(predictions, targets);
            case Tasks.COMBINED -> mean(values);
            default -> throw unknown(metric);
          });
    }
    return values;
  }

  /** The class of the largest logit in each row; the first of equals. */
  public static int[] argmax(float[] logits, int classes) {
    int[] best = new int[logits.length / classes];
    for (int i = 0; i < best.length; i++) {
      for (int c = 1; c < classes; c++) {
        if (logits[i * classes + c] > logits[i * classes + best[i]]) {
          best[i] = c;
        }
      }
    }
    return best;
  }

  private static double mean(Map<String, Double> values) {
    return values.values().stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  private static IllegalArgumentException unknown(String metric) {
    return new IllegalArgumentException("no metric " + metric);
  }
}
