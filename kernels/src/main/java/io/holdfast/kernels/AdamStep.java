package io.holdfast.kernels;

/**
 * The numbers of one AdamW update (see {@link Kernels#adamw}).
 *
 * @param correction1 {@code 1 − beta1^t}, or 1 without bias correction
 * @param correction2 {@code 1 − beta2^t}, or 1 without bias correction
 * @param epsilonInside true for fairseq's placement: epsilon joins sqrt(v) before the bias
 *     correction
 * @param gradientScale factor on every gradient (clipping, loss scale)
 */
public record AdamStep(
    double learningRate,
    double beta1,
    double beta2,
    double epsilon,
    double weightDecay,
    double correction1,
    double correction2,
    boolean epsilonInside,
    double gradientScale) {}
