package io.holdfast.kernels.contract;

import io.holdfast.kernels.DType;

/**
 * Rounding of numbers to a type, to nearest and ties to even.
 *
 * @param digits significant bits
 * @param smallest exponent of the smallest normal number
 * @param largest finite number
 */
record Rounding(int digits, int smallest, double largest) {

  static Rounding to(DType dtype) {
    return switch (dtype) {
      case BF16 -> new Rounding(8, -126, 0x1.FEp127);
      case F16 -> new Rounding(11, -14, 65504);
      case F32 -> new Rounding(24, -126, Float.MAX_VALUE);
      default -> new Rounding(53, -1022, Double.MAX_VALUE);
    };
  }

  /** The distance between numbers of the type around {@code x}. */
  private double spacing(double x) {
    return Math.scalb(1.0, Math.max(Math.getExponent(x), smallest) - digits + 1);
  }

  double of(double x) {
    if (Double.isNaN(x) || Double.isInfinite(x)) {
      return x;
    }
    double rounded = Math.rint(x / spacing(x)) * spacing(x);
    return Math.abs(rounded) > largest ? Math.copySign(Double.POSITIVE_INFINITY, x) : rounded;
  }

  /**
   * The most by which the rounding of {@code x}, or of what is next to it, is off; of a double 0.
   */
  double error(double x) {
    return digits == 53 || !Double.isFinite(x) ? 0 : spacing(x) / 2;
  }
}
