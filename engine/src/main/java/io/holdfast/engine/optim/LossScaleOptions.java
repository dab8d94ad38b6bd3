package io.holdfast.engine.optim;

import io.holdfast.engine.options.Option;

/** Options of {@link LossScale}, which {@code --precision fp16} needs; names are fairseq's. */
public record LossScaleOptions(
    @Option(help = "fp16: first loss scale", byDefault = "128", min = 0, aboveMin = true)
        double fp16InitScale,
    @Option(
            help =
                "fp16: updates without overflow before the scale doubles; 0: 16384 micro-batches",
            byDefault = "0",
            min = 0)
        int fp16ScaleWindow,
    @Option(
            help = "fp16: the scale does not fall below this; 0: no bound",
            byDefault = "0",
            min = 0)
        double thresholdLossScale,
    @Option(help = "fp16: the run ends where the scale falls to this", byDefault = "1e-4", min = 0)
        double minLossScale) {

  private static final int MICRO_BATCHES = 1 << 14;

  /** Updates without overflow before the scale doubles. */
  public int window(int gradientAccumulationSteps) {
    int given = fp16ScaleWindow;
    return given > 0 ? given : Math.max(1, MICRO_BATCHES / gradientAccumulationSteps);
  }

  /** Whether gradients that are not finite at {@code scale} are the end. */
  public boolean isLast(LossScale scale) {
    double next = scale.afterOverflow(thresholdLossScale).scale();
    return next <= minLossScale || next >= scale.scale();
  }
}
