package io.holdfast.engine.train;

import io.holdfast.engine.data.Batches;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.TokenizedDataset;
import io.holdfast.engine.metrics.Metrics;
import io.holdfast.kernels.HoldfastException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/** Evaluation during training: when, on what, what is better, and whether the run still learns. */
final class Validation {

  private static final String LOSS = "loss";

  private final TrainConfig config;
  private final TokenizedDataset train;
  private final TokenizedDataset dev;
  private final int totalSteps;
  private final String metric;

  /**
   * @param dev null: nothing is evaluated
   */
  Validation(TrainConfig config, TokenizedDataset train, TokenizedDataset dev, int totalSteps) {
    this.config = config;
    this.train = train;
    this.dev = dev;
    this.totalSteps = totalSteps;
    Task task = train.data().task();
    this.metric =
        config.metricForBestModel() == null ? task.bestMetric() : config.metricForBestModel();
    if (!metric.equals(LOSS) && !task.metrics().contains(metric)) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "--metric-for-best-model '"
              + metric
              + "': task "
              + task.name()
              + " has "
              + String.join(", ", task.metrics())
              + " and loss");
    }
  }

  static Batches batches(TokenizedDataset data, int batchSize) {
    return new Batches(data.lengths(), new Batches.Limits(batchSize, 0, false));
  }

  boolean isPossible() {
    return dev != null;
  }

  boolean isDue(int step, boolean endOfEpoch, boolean last) {
    if (dev == null) {
      return false;
    }
    return last
        || switch (config.evalStrategy()) {
          case NO -> false;
          case STEPS -> step % config.evalSteps() == 0;
          case EPOCH -> endOfEpoch;
        };
  }

  Evaluator.Evaluation measure(Workspace space, StopSignal stop) {
    Evaluator evaluator = new Evaluator(space.model, space.kernels, space.activations, stop);
    return evaluator.evaluate(dev, batches(dev, config.perDeviceEvalBatchSize()).evaluation());
  }

  String metric() {
    return metric;
  }

  /** Strictly better in the metric that picks the model; a metric that is not defined never is. */
  boolean isBetter(Map<String, Double> metrics, Map<String, Double> best) {
    double value = metrics.get(metric);
    double old = best.getOrDefault(metric, Double.NaN);
    return best.isEmpty() || Metrics.byQuality(metric).compare(value, old) > 0;
  }

  /** Metrics of always giving the most frequent label of the evaluation rows, or their mean. */
  Map<String, Double> majority() {
    if (dev == null) {
      return Map.of();
    }
    Task task = dev.data().task();
    int n = dev.size();
    if (task.regression()) {
      double[] constant = new double[n];
      Arrays.fill(constant, Arrays.stream(dev.data().targets()).average().orElse(0));
      return Metrics.compute(task, constant, dev.data().targets());
    }
    int[] counts = new int[task.outputs()];
    for (int label : dev.data().labels()) {
      counts[label]++;
    }
    int most = 0;
    for (int c = 1; c < counts.length; c++) {
      most = counts[c] > counts[most] ? c : most;
    }
    int[] constant = new int[n];
    Arrays.fill(constant, most);
    return Metrics.compute(task, constant, dev.data().labels());
  }

  /** Updates the detector's count in {@code state} and warns of a degenerate run. */
  void detect(TrainState state, Evaluator.Evaluation evaluation, ProgressListener to) {
    if (Double.isNaN(evaluation.metrics().get(metric))) {
      to.warning(
          "update "
              + state.step
              + ": "
              + metric
              + " is not defined: predictions or targets are all the same");
    }
    Task task = dev.data().task();
    double guessing =
        task.regression()
            ? DegenerateDetector.variance(train.data().targets())
            : DegenerateDetector.entropy(train.data().labels(), task.outputs());
    String part = task.regression() ? "se" : "ce";
    double loss = state.sinceEvaluation.meanParts().getOrDefault(part, Double.NaN);
    double constant =
        task.regression()
            ? DegenerateDetector.constantShare(
                Metrics.doubles(evaluation.logits()), dev.data().targets())
            : DegenerateDetector.constantShare(
                Metrics.argmax(evaluation.logits(), task.outputs()), task.outputs());
    double epochs = (double) state.total.examples() / train.size();
    double totalEpochs = epochs * totalSteps / state.step;
    DegenerateDetector detector = new DegenerateDetector(guessing, state.suspiciousEvaluations);
    if (detector.observe(epochs, totalEpochs, loss, constant)) {
      state.degenerate =
          String.format(
              Locale.ROOT,
              "update %d: degenerate run: the predictions are constant and the training loss %.4f"
                  + " is that of guessing (%.4f); try another --seed, a lower --learning-rate or a"
                  + " longer --warmup",
              state.step,
              loss,
              guessing);
      to.warning(state.degenerate);
    }
    state.suspiciousEvaluations = detector.suspicious();
  }

  /** Throws (kind DEGENERATE) after such a warning if the configuration asks for it. */
  void stopIfDegenerate(TrainState state) {
    if (state.degenerate != null && config.onDegenerate() == TrainConfig.OnDegenerate.STOP) {
      throw new HoldfastException(HoldfastException.Kind.DEGENERATE, state.degenerate);
    }
  }
}
