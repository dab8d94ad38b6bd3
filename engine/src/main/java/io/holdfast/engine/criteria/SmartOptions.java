package io.holdfast.engine.criteria;

import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.options.Option;

/** Options of {@link Smart}. The defaults are the paper's, but without its proximal term. */
public record SmartOptions(
    @Option(help = "smart: steps of ascent", byDefault = "1", min = 1) int smartSteps,
    @Option(help = "smart: weight of the smoothness term", byDefault = "1.0", min = 0)
        double smartLambda,
    @Option(
            help = "smart: standard deviation of the first perturbation",
            byDefault = "1e-5",
            min = 0)
        double smartNoiseStd,
    @Option(help = "smart: length of a step of ascent", byDefault = "1e-3", min = 0)
        double smartStepSize,
    @Option(
            help = "smart: half-width of the cube around the embeddings (paper's projection)",
            byDefault = "1e-5",
            min = 0,
            aboveMin = true)
        double smartEpsilon,
    @Option(
            help =
                "smart: what follows a step: the paper's projection, or the public code's scaling",
            byDefault = "paper")
        Projection smartProjection,
    @Option(help = "smart: dropout masks of the two branches", byDefault = "independent")
        Masks smartDropout,
    @Option(
            help = "smart: none, or hold the target of each KL constant as the public code does",
            byDefault = "none")
        StopGrad smartStopGrad,
    @Option(
            help = "smart: weight of the Bregman proximal term, towards a slower copy; 0: none",
            byDefault = "0",
            min = 0)
        double smartBregmanMu,
    @Option(
            help = "smart: share of itself that the slower copy keeps in an update",
            byDefault = "0.99",
            min = 0,
            max = 1)
        double smartBregmanBeta) {

  /** What keeps the perturbation small. */
  public enum Projection {
    /** {@code Π_{‖d‖∞ ≤ epsilon}(delta + step · g/‖g‖∞)}, ‖·‖∞ over a sequence. */
    PAPER,
    /** {@code d / (‖d‖∞ + 1e-6)}, {@code d = delta + step · g}, ‖·‖∞ over a token: size 1. */
    PUBLIC_CODE
  }

  /** What is held constant in the smoothness term of classes. */
  public enum StopGrad {
    /** Nothing. */
    NONE,
    /** The first argument of each of the two KLs. */
    TARGETS
  }
}
