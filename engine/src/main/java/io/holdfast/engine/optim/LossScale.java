package io.holdfast.engine.optim;

/**
 * The factor on the loss that keeps gradients in half precision from vanishing, and which the
 * optimiser takes out again. Follows fairseq's DynamicLossScaler: it is doubled when {@code window}
 * updates have gone well since the last overflow, and every {@code window} updates after that; a
 * gradient that is not finite halves it. There the batch of an overflow is left out, and a share of
 * them can be tolerated at the same scale; here it is tried again at the smaller scale.
 *
 * @param scale 1: none
 * @param attempts updates that were tried, overflows among them
 * @param lastOverflow number of the attempt, from 0; −1: none
 */
public record LossScale(double scale, long attempts, long lastOverflow) {

  public static final LossScale NONE = initial(1);

  private static final double FACTOR = 2;

  public static LossScale initial(double scale) {
    return new LossScale(scale, 0, -1);
  }

  /** After an update whose gradients were finite. */
  public LossScale afterUpdate(int window) {
    boolean grows = (attempts - lastOverflow) % window == 0;
    return new LossScale(grows ? scale * FACTOR : scale, attempts + 1, lastOverflow);
  }

  /**
   * After gradients that were not finite.
   *
   * @param threshold below which the scale does not fall; 0: none
   */
  public LossScale afterOverflow(double threshold) {
    return new LossScale(Math.max(scale / FACTOR, threshold), attempts + 1, attempts);
  }
}
