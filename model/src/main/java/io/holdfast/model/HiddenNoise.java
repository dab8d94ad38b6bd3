package io.holdfast.model;

import io.holdfast.kernels.NoiseType;

/**
 * Noise that joins the input of every encoder layer in a forward; its backward is the identity.
 *
 * @param eps half-width or standard deviation, as {@link NoiseType} says
 */
public record HiddenNoise(NoiseType type, float eps) {}
