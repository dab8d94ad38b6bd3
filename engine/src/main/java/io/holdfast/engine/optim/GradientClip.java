package io.holdfast.engine.optim;

import io.holdfast.kernels.Kernels;
import io.holdfast.model.Parameters;

/** Clipping by the global norm. */
public final class GradientClip {

  private GradientClip() {}

  /** {@code ‖g‖₂} over all parameters; not finite if any gradient is not. */
  public static double norm(Kernels kernels, Parameters gradients) {
    return Math.sqrt(kernels.sumOfSquares(gradients.block()));
  }

  /**
   * The factor on every gradient: {@code min(1, maxNorm / (norm + 1e-6))}, as in PyTorch; 1 for a
   * {@code maxNorm} of 0, which switches clipping off. {@code norm} must be finite: a step with any
   * other norm is not to be taken.
   */
  public static double factor(double norm, double maxNorm) {
    if (!Double.isFinite(norm) || !(maxNorm >= 0)) {
      throw new IllegalArgumentException("norm " + norm + ", largest allowed " + maxNorm);
    }
    return maxNorm == 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
  }
}
