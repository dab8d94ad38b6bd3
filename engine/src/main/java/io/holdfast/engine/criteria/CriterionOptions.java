package io.holdfast.engine.criteria;

import io.holdfast.kernels.NoiseType;

/**
 * Options of every criterion; each reads its own.
 *
 * @param eps size of the noise: half-width (uniform) or standard deviation (normal)
 * @param lambda weight of the consistency term
 */
public record CriterionOptions(
    double eps,
    double lambda,
    NoiseType noiseType,
    Masks dropout,
    StopGrad stopGrad,
    Compat compat) {

  /** Dropout masks of the clean and the noised branch. */
  public enum Masks {
    /** Each branch draws its own: the consistency term also sees dropout. */
    INDEPENDENT,
    /** One draw for both: the branches differ by the noise alone. */
    SHARED
  }

  /** Which branch of the consistency term is a constant. */
  public enum StopGrad {
    /** Neither: both branches are differentiated. */
    NONE,
    /** The noised one: two forwards and one backward. */
    NOISY
  }

  /** What "R3F" means. */
  public enum Compat {
    /** The noise reaches the encoder. */
    PAPER,
    /** The public fairseq code on RoBERTa: it does not. */
    FAIRSEQ
  }

  public static CriterionOptions defaults() {
    return new CriterionOptions(
        1e-5, 1.0, NoiseType.UNIFORM, Masks.INDEPENDENT, StopGrad.NONE, Compat.PAPER);
  }

  /** True for the paper's eps and method, whose noise is known to be small beside dropout. */
  public boolean isPublished() {
    return eps == defaults().eps() && compat == Compat.PAPER;
  }
}
