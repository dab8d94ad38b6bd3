package io.holdfast.engine.data;

import io.holdfast.kernels.HoldfastException;
import java.util.List;
import java.util.Set;

/**
 * What a data set asks of a model, and where its files keep it.
 *
 * @param name as the user says it
 * @param labels names by class id; for regression one name, that of the value
 * @param pair two texts a row
 * @param metrics names in the order they are reported (see {@link
 *     io.holdfast.engine.metrics.Metrics})
 * @param bestMetric the metric that picks the best checkpoint; larger is better
 * @param columns where a row keeps its texts and its label
 * @param fileLabels what files write for each class id; empty for regression
 * @param positiveLabel the label whose F1 is reported; null where there is no such label
 */
public record Task(
    String name,
    Kind kind,
    List<String> labels,
    boolean pair,
    List<String> metrics,
    String bestMetric,
    Columns columns,
    List<String> fileLabels,
    String positiveLabel) {

  /** Classes, or one number. */
  public enum Kind {
    CLASSIFICATION,
    REGRESSION
  }

  public Task {
    labels = List.copyOf(labels);
    metrics = List.copyOf(metrics);
    fileLabels = List.copyOf(fileLabels);
  }

  public boolean regression() {
    return kind == Kind.REGRESSION;
  }

  /** C: width of the logits, 1 for regression. */
  public int outputs() {
    return labels.size();
  }

  /** Class id of the positive label, −1 where there is none. */
  public int positive() {
    return labels.indexOf(positiveLabel);
  }

  /** Class id of a label as a file writes it, or by its name; −1 if it is neither. */
  public int labelId(String text) {
    int id = fileLabels.indexOf(text);
    return id >= 0 || regression() ? id : labels.indexOf(text);
  }

  /** LABEL_0, LABEL_1, …: what Hugging Face calls classes that nobody named. */
  public static boolean areUnnamed(List<String> labels) {
    return labels.stream().allMatch(label -> label.matches("LABEL_\\d+"));
  }

  /**
   * True if the classes of a checkpoint are this task's: by name in any order, or unnamed and as
   * many.
   */
  public boolean matches(List<String> order) {
    return order.size() == labels.size()
        && (areUnnamed(order) || Set.copyOf(order).equals(Set.copyOf(labels)));
  }

  /**
   * This task with its classes in the order of a checkpoint, so that the checkpoint's logits mean
   * what they meant when it was trained; unnamed ones are in this task's order. Throws (kind DATA)
   * unless {@code order} {@link #matches}.
   */
  public Task withLabelOrder(List<String> order) {
    if (regression()) {
      return this;
    }
    if (!matches(order)) {
      throw new HoldfastException(
          HoldfastException.Kind.DATA,
          "the model's labels " + order + " are not those of task " + name + ", " + labels);
    }
    if (!Set.copyOf(order).equals(Set.copyOf(labels))) {
      return this;
    }
    List<String> files =
        order.stream().map(label -> fileLabels.get(labels.indexOf(label))).toList();
    return new Task(name, kind, order, pair, metrics, bestMetric, columns, files, positiveLabel);
  }
}
