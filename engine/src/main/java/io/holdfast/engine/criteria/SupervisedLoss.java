package io.holdfast.engine.criteria;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.DeviceBatch;

/** The loss against the labels: cross-entropy for classes, squared error for values. */
final class SupervisedLoss {

  private SupervisedLoss() {}

  static String part(DeviceBatch batch) {
    return isRegression(batch) ? "se" : "ce";
  }

  static boolean isRegression(DeviceBatch batch) {
    return batch.labels() == null;
  }

  /**
   * {@code loss[b]} and, unless {@code dLogits} is null, {@code dLogits = scale · dloss/dlogits}.
   *
   * @param loss [B,1]
   * @param logits [B,C]; C = 1 for regression
   */
  static void compute(
      Kernels k, Tensor loss, Tensor dLogits, Tensor logits, DeviceBatch batch, float scale) {
    if (isRegression(batch)) {
      k.squaredError(loss, dLogits, logits, batch.targets(), scale);
    } else {
      k.crossEntropy(loss, dLogits, logits, batch.labels(), scale);
    }
  }

  /** Sum of a column of per-example losses, in order, in double. */
  static double sum(Kernels k, Tensor column) {
    float[] values = new float[column.rows()];
    k.download(values, 0, column);
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum;
  }
}
