package io.holdfast.engine.optim;

/**
 * How the optimiser treats a parameter.
 *
 * @param learningRateFactor on the schedule's learning rate
 * @param weightDecay decoupled: each step takes {@code learning rate · weightDecay} of the weight
 */
public record ParameterGroup(double learningRateFactor, double weightDecay) {}
