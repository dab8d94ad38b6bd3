package io.holdfast.engine.metrics;

import java.util.stream.LongStream;

/**
 * Counts by class, true, predicted and both, and the metrics that follow from them, as scikit-learn
 * defines them: a ratio of 0 to 0 is 0.
 */
public final class Confusion {

  private final int classes;
  private final long[] hits;
  private final long[] labelled;
  private final long[] predicted;
  private final long total;
  private final long correct;

  public Confusion(int[] predictions, int[] labels, int classes) {
    if (predictions.length != labels.length || labels.length == 0) {
      throw new IllegalArgumentException(
          predictions.length + " predictions for " + labels.length + " labels");
    }
    this.classes = classes;
    hits = new long[classes];
    labelled = new long[classes];
    predicted = new long[classes];
    total = labels.length;
    for (int i = 0; i < labels.length; i++) {
      labelled[labels[i]]++;
      predicted[predictions[i]]++;
      hits[labels[i]] += labels[i] == predictions[i] ? 1 : 0;
    }
    correct = LongStream.of(hits).sum();
  }

  public double accuracy() {
    return (double) correct / total;
  }

  /** {@code 2·TP / (2·TP + FP + FN)} of one class. */
  public double f1(int positive) {
    long sum = labelled[positive] + predicted[positive];
    return sum == 0 ? 0 : 2.0 * hits[positive] / sum;
  }

  /** Mean F1 over the classes that occur, as label or prediction. */
  public double macroF1() {
    double sum = 0;
    int present = 0;
    for (int c = 0; c < classes; c++) {
      if (labelled[c] + predicted[c] > 0) {
        sum += f1(c);
        present++;
      }
    }
    return sum / present;
  }

  /**
   * Matthews' correlation, for any number of classes (Gorodkin 2004): {@code (c·s − Σ t_k·p_k) /
   * sqrt((s² − Σ p_k²)(s² − Σ t_k²))}, with c correct of s, t_k labelled and p_k predicted as k; 0
   * where labels or predictions are all of one class.
   */
  public double matthews() {
    long cross = correct * total;
    long ofPredicted = total * total;
    long ofLabelled = total * total;
    for (int c = 0; c < classes; c++) {
      cross -= labelled[c] * predicted[c];
      ofPredicted -= predicted[c] * predicted[c];
      ofLabelled -= labelled[c] * labelled[c];
    }
    double product = (double) ofPredicted * ofLabelled;
    return product == 0 ? 0 : cross / Math.sqrt(product);
  }
}
