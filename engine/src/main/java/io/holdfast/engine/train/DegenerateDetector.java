package io.holdfast.engine.train;

import java.util.Arrays;

/**
 * Recognises a run that does not learn: fine-tuning on small data sometimes ends in a model that
 * gives every input the same answer. An evaluation is suspicious if the predictions are constant
 * and the training loss since the last one is what guessing by class frequency costs (the entropy
 * of the labels; for values, their variance). Two suspicious evaluations in a row, or one in the
 * second half of a run, make the run degenerate, but none within the first epoch: it may be slow.
 */
final class DegenerateDetector {

  /** A share of equal predictions from which they count as constant. */
  private static final double CONSTANT = 0.99;

  /** A share of the guessing loss from which nothing was learned. */
  private static final double GUESSING = 0.95;

  private final double guessingLoss;
  private int suspicious;

  /**
   * @param guessingLoss entropy of the training labels in nats, or variance of the targets
   * @param suspicious evaluations in a row so far, from {@link #suspicious()}
   */
  DegenerateDetector(double guessingLoss, int suspicious) {
    this.guessingLoss = guessingLoss;
    this.suspicious = suspicious;
  }

  /**
   * @param epochs done, with fraction
   * @param totalEpochs of the whole run
   * @param trainLoss mean loss against the labels since the last evaluation, without other terms
   * @param constantShare share of the evaluation rows that got the most frequent answer
   * @return true if the run is degenerate
   */
  boolean observe(double epochs, double totalEpochs, double trainLoss, double constantShare) {
    boolean guesses = trainLoss >= GUESSING * guessingLoss;
    suspicious = guesses && constantShare >= CONSTANT ? suspicious + 1 : 0;
    boolean late = suspicious == 1 && epochs >= totalEpochs / 2;
    return epochs >= 1 && (suspicious >= 2 || late);
  }

  int suspicious() {
    return suspicious;
  }

  /** {@code −Σ p ln p} of the labels' frequencies. */
  static double entropy(int[] labels, int classes) {
    int[] counts = new int[classes];
    for (int label : labels) {
      counts[label]++;
    }
    double entropy = 0;
    for (int count : counts) {
      double p = (double) count / labels.length;
      entropy -= count == 0 ? 0 : p * Math.log(p);
    }
    return entropy;
  }

  /** Largest share of one class. */
  static double constantShare(int[] predictions, int classes) {
    int[] counts = new int[classes];
    int most = 0;
    for (int prediction : predictions) {
      most = Math.max(most, ++counts[prediction]);
    }
    return (double) most / Math.max(1, predictions.length);
  }

  /** For values: 1 − sd(predictions) / sd(targets), at least 0. */
  static double constantShare(double[] predictions, double[] targets) {
    double spread = Math.sqrt(variance(targets));
    return spread == 0 ? 0 : Math.max(0, 1 - Math.sqrt(variance(predictions)) / spread);
  }

  static double variance(double[] x) {
    double mean = Arrays.stream(x).average().orElseThrow();
    return Arrays.stream(x).map(value -> (value - mean) * (value - mean)).average().orElseThrow();
  }
}
