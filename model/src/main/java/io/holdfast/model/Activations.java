package io.holdfast.model;

import io.holdfast.kernels.Tensor;

/**
 * What a forward of {@link SequenceClassifier} leaves for its backward.
 *
 * @param logits [B,C]
 * @param hidden [N,H] the encoder's output
 */
public record Activations(Tensor logits, Tensor hidden) {}
