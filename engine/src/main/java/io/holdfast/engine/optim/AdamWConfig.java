package io.holdfast.engine.optim;

import io.holdfast.kernels.HoldfastException;

/**
 * The constants of AdamW.
 *
 * @param biasCorrection false: the moments are used as they are
 * @param epsilonInside true: fairseq's placement, epsilon joins sqrt(v) before the bias correction
 */
public record AdamWConfig(
    double beta1, double beta2, double epsilon, boolean biasCorrection, boolean epsilonInside) {

  /** Hugging Face's: 0.9, 0.999, 1e-8, with bias correction. */
  public static final AdamWConfig DEFAULT = new AdamWConfig(0.9, 0.999, 1e-8, true, false);

  public AdamWConfig {
    if (!(beta1 >= 0 && beta1 < 1) || !(beta2 >= 0 && beta2 < 1) || !(epsilon > 0)) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "AdamW needs betas in [0, 1) and epsilon > 0, not "
              + beta1
              + ", "
              + beta2
              + ", "
              + epsilon);
    }
  }
}
