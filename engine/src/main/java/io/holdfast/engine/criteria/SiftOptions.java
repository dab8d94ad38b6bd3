package io.holdfast.engine.criteria;

import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.criteria.SmartOptions.StopGrad;
import io.holdfast.engine.options.Option;

/** Options of {@link Sift}. The defaults are those of the public recipes. */
public record SiftOptions(
    @Option(help = "sift: weight of the consistency term", byDefault = "5.0", min = 0)
        double siftLambda,
    @Option(
            help = "sift: standard deviation of the first perturbation, cut at twice of it",
            byDefault = "1e-2",
            min = 0,
            aboveMin = true)
        double siftInitPerturbation,
    @Option(help = "sift: length of the step of ascent", byDefault = "1e-4", min = 0)
        double siftStepSize,
    @Option(help = "sift: dropout masks of the two branches", byDefault = "independent")
        Masks siftDropout,
    @Option(
            help = "sift: hold the target of each KL constant as the public code does, or none",
            byDefault = "targets")
        StopGrad siftStopGrad) {}
