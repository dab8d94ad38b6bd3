package io.holdfast.engine.train;

import io.holdfast.engine.data.Example;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.TokenizedDataset;
import io.holdfast.engine.metrics.Metrics;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs a model over a data set without dropout and without keeping activations. */
public final class Evaluator {

  /**
   * @param metrics the task's, then "loss": mean cross-entropy, or mean squared error
   * @param logits [n, C] in the order of the data
   */
  public record Evaluation(Map<String, Double> metrics, float[] logits) {}

  private final SequenceClassifier model;
  private final Kernels kernels;
  private final Arena arena;
  private final StopSignal stop;

  /**
   * @param stop polled before every batch; a request ends what is going on with {@link
   *     StopSignal.Requested}
   */
  public Evaluator(SequenceClassifier model, Kernels kernels, Arena arena, StopSignal stop) {
    this.model = model;
    this.kernels = kernels;
    this.arena = arena;
    this.stop = stop;
  }

  /**
   * Logits [n, C] in the order of the data. Throws (kind DIVERGED), with the row, where one is not
   * finite: of such an answer nothing can be said.
   *
   * @param batches indices of every example, each once
   */
  public float[] logits(TokenizedDataset data, List<int[]> batches) {
    int classes = model.config().outputs();
    float[] all = new float[data.size() * classes];
    Pass pass = new Pass(kernels, arena, Key.of(0), false, false);
    model.weightsChanged(kernels);
    for (int[] indices : batches) {
      stop.check();
      try (Arena.Scope scope = arena.open()) {
        Tensor logits = infer(model, pass, data.pack(indices));
        float[] rows = new float[indices.length * classes];
        kernels.download(rows, 0, logits);
        for (int b = 0; b < indices.length; b++) {
          requireFinite(rows, b, classes, data, indices[b]);
          System.arraycopy(rows, b * classes, all, indices[b] * classes, classes);
        }
      }
    }
    return all;
  }

  private static void requireFinite(
      float[] logits, int row, int classes, TokenizedDataset data, int index) {
    for (int c = row * classes; c < (row + 1) * classes; c++) {
      if (!Float.isFinite(logits[c])) {
        Path file = data.data().file();
        throw new HoldfastException(
            HoldfastException.Kind.DIVERGED,
            (file == null ? "text " : file + ", example ")
                + (index + 1)
                + ": the model's answer is "
                + logits[c]
                + ": its weights are too large, or not numbers");
      }
    }
  }

  /** Logits [B,C] of one batch, in the pass's arena. */
  static Tensor infer(SequenceClassifier model, Pass pass, PackedBatch batch) {
    DeviceBatch device = DeviceBatch.upload(pass.kernels(), pass.arena(), model.config(), batch);
    return model.infer(pass, device, model.embedWords(pass, device));
  }

  /** Logits and metrics of labelled data. */
  public Evaluation evaluate(TokenizedDataset data, List<int[]> batches) {
    Task task = data.data().task();
    float[] logits = logits(data, batches);
    List<Example> examples = data.data().examples();
    Map<String, Double> metrics = new LinkedHashMap<>(Metrics.compute(task, logits, examples));
    double loss = 0;
    for (int i = 0; i < examples.size(); i++) {
      loss += loss(task, logits, i, examples.get(i));
    }
    metrics.put("loss", loss / examples.size());
    return new Evaluation(metrics, logits);
  }

  private static double loss(Task task, float[] logits, int row, Example example) {
    if (task.regression()) {
      double error = (double) logits[row] - example.target();
      return error * error;
    }
    int classes = task.outputs();
    return logSumExp(logits, row * classes, classes) - logits[row * classes + example.label()];
  }

  /** {@code ln Σ exp x} over {@code count} elements from {@code from}. */
  static double logSumExp(float[] x, int from, int count) {
    double max = Double.NEGATIVE_INFINITY;
    for (int c = 0; c < count; c++) {
      max = Math.max(max, x[from + c]);
    }
    double sum = 0;
    for (int c = 0; c < count; c++) {
      sum += Math.exp(x[from + c] - max);
    }
    return max + Math.log(sum);
  }
}
