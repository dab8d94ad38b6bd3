package io.holdfast.engine.criteria;

import io.holdfast.engine.options.Option;
import io.holdfast.kernels.NoiseType;

/** Options of {@link Hype}. */
public record HypeOptions(
    @Option(
            help = "hype: size of the noise: half-width (uniform) or standard deviation (normal)",
            byDefault = "1e-5",
            min = 0)
        double hypeEps,
    @Option(help = "hype: distribution of the noise", byDefault = "normal")
        NoiseType hypeNoiseType) {}
