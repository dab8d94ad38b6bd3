package io.holdfast.engine.train;

import io.holdfast.engine.data.Task;
import io.holdfast.engine.metrics.Metrics;
import java.util.ArrayList;
import java.util.List;

/** From logits to answers. */
final class Predictions {

  private Predictions() {}

  /**
   * @param logits [n, C] row-major
   */
  static List<Prediction> of(Task task, float[] logits) {
    List<Prediction> predictions = new ArrayList<>();
    if (task.regression()) {
      for (float value : logits) {
        predictions.add(new Prediction(-1, null, List.of(), value));
      }
      return predictions;
    }
    int classes = task.outputs();
    int[] labels = Metrics.argmax(logits, classes);
    for (int row = 0; row < labels.length; row++) {
      double norm = Evaluator.logSumExp(logits, row * classes, classes);
      List<Double> probabilities = new ArrayList<>();
      for (int c = 0; c < classes; c++) {
        probabilities.add(Math.exp(logits[row * classes + c] - norm));
      }
      predictions.add(
          new Prediction(labels[row], task.labels().get(labels[row]), probabilities, Double.NaN));
    }
    return predictions;
  }
}
