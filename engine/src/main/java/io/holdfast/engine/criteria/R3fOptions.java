package io.holdfast.engine.criteria;

import io.holdfast.engine.options.Option;
import io.holdfast.engine.options.Options;
import io.holdfast.kernels.NoiseType;

/** Options of {@link R3f}, and of {@link R4f} beside its own. */
public record R3fOptions(
    @Option(
            help =
                "r3f, r4f: size of the noise: half-width (uniform) or standard deviation (normal)",
            byDefault = "1e-5",
            min = 0)
        double eps,
    @Option(help = "r3f, r4f: weight of the consistency term", byDefault = "1.0", min = 0)
        double r3fLambda,
    @Option(help = "r3f, r4f: distribution of the noise", byDefault = "uniform")
        NoiseType noiseType,
    @Option(help = "r3f, r4f: dropout masks of the two branches", byDefault = "independent")
        Masks r3fDropout,
    @Option(help = "r3f, r4f: branch held constant in the consistency term", byDefault = "none")
        StopGrad r3fStopGrad,
    @Option(
            help = "r3f, r4f: the paper's, or what the public fairseq code does",
            byDefault = "paper")
        Compat r3fCompat) {

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

  public static R3fOptions defaults() {
    return Options.defaults(R3fOptions.class);
  }

  /** True for the paper's eps and method, whose noise is known to be small beside dropout. */
  public boolean isPublished() {
    return eps == defaults().eps() && r3fCompat == Compat.PAPER;
  }
}
