package io.holdfast.engine.train;

import io.holdfast.engine.criteria.LossReport;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import java.util.List;

/** Stops a run at a loss or gradient that is not finite, and finds where it comes from. */
final class NonFinite {

  private NonFinite() {}

  /**
   * Returns if loss and norm are finite; otherwise throws (kind DIVERGED). A bad weight is named
   * first: it is the cause of all else. Then the loss: the forward went wrong. Of bad gradients the
   * deepest is named: a backward carries what is not finite from there down.
   *
   * @param step the update that was to be done, from 1
   * @param lossScale that gradients and norm are multiplied with
   */
  static void check(
      Kernels kernels,
      int step,
      LossReport report,
      double norm,
      double lossScale,
      Parameters weights,
      Parameters gradients) {
    if (Double.isFinite(report.loss()) && Double.isFinite(norm)) {
      return;
    }
    List<ParameterLayout.Entry> entries = weights.layout().entries();
    String place = null;
    for (ParameterLayout.Entry entry : entries) {
      if (place == null && isBad(kernels, weights, entry)) {
        place = "weight " + entry.name();
      }
    }
    if (place == null && !Double.isFinite(report.loss())) {
      place = "the logits (every weight is finite)";
    }
    for (int i = entries.size() - 1; i >= 0 && place == null; i--) {
      if (isBad(kernels, gradients, entries.get(i))) {
        place = "gradient of " + entries.get(i).name();
      }
    }
    throw new HoldfastException(
        HoldfastException.Kind.DIVERGED,
        "update "
            + step
            + ": loss "
            + report.meanLoss()
            + ", gradient norm "
            + norm
            + (lossScale == 1 ? "" : " at a loss scale of " + lossScale)
            + "; first bad tensor: "
            + (place == null ? "the sum of squares of the gradients" : place)
            + "; no weight was changed; lower --learning-rate or lengthen --warmup");
  }

  private static boolean isBad(Kernels kernels, Parameters block, ParameterLayout.Entry entry) {
    return !Double.isFinite(kernels.sumOfSquares(block.get(entry)));
  }
}
