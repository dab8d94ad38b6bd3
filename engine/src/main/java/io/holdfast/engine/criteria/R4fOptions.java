package io.holdfast.engine.criteria;

import io.holdfast.engine.options.Option;
import io.holdfast.model.SpectralNorm.Mode;
import io.holdfast.model.SpectralNorm.Scope;

/** Options of {@link R4f}, beside those of {@link R3f}. */
public record R4fOptions(
    @Option(
            help = "r4f: what is normalised: the head's projection, or its dense layer too",
            byDefault = "out-proj")
        Scope spectralNormScope,
    @Option(help = "r4f: the largest singular value becomes 1, or at most 1", byDefault = "equal")
        Mode spectralNormMode,
    @Option(help = "r4f: power iterations per update", byDefault = "1", min = 1)
        int spectralNormIterations) {}
