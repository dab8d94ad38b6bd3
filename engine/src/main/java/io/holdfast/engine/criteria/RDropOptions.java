package io.holdfast.engine.criteria;

import io.holdfast.engine.options.Option;

/** Options of {@link RDrop}. */
public record RDropOptions(
    @Option(
            help = "r_drop: weight of the consistency term; the paper's is twice this",
            byDefault = "1.0",
            min = 0)
        double rDropAlpha) {}
