package io.holdfast.engine.criteria;

import io.holdfast.engine.options.Option;
import io.holdfast.kernels.Norm;

/**
 * Options of {@link Freelb}. The defaults are sizes that its authors' script for CoLA lists for the
 * L2 norm, beside others; its 3 {@code adv-steps} are 4 passes, here it is 3.
 */
public record FreelbOptions(
    @Option(help = "freelb: passes, the first included", byDefault = "3", min = 1) int freelbSteps,
    @Option(
            help = "freelb: length of a step of ascent; the default is for l2",
            byDefault = "0.05",
            min = 0)
        double freelbAdvLr,
    @Option(
            help = "freelb: size of the first perturbation; 0: none; the default is for l2",
            byDefault = "0.4",
            min = 0)
        double freelbInitMag,
    @Option(
            help =
                "freelb: radius of the ball around the embeddings; 0: no bound; the default is for l2",
            byDefault = "0.3",
            min = 0)
        double freelbMaxNorm,
    @Option(help = "freelb: norm of a sequence's perturbation", byDefault = "l2")
        Norm freelbNorm) {}
