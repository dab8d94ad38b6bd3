package io.holdfast.kernels.reference;

import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Philox;
import io.holdfast.kernels.Rows;

/** The random factors and summands of single elements. */
final class Draws {

  private Draws() {}

  /** 0 or 1 / (1 − p). */
  static double dropoutFactor(float p, Key key, Rows rows, int row, int column) {
    if (p == 0) {
      return 1;
    }
    int stream = HostSlab.getInt(rows.streams(), row);
    int position = HostSlab.getInt(rows.positions(), row);
    return dropoutFactor(p, key, stream, position, column, 0);
  }

  static double dropoutFactor(float p, Key key, int stream, int position, int column, int head) {
    if (p == 0) {
      return 1;
    }
    return Philox.keeps(Philox.word(key, stream, position, column, head), p) ? 1 / (1.0 - p) : 0;
  }

  /** Noise of scale 1. */
  static double noise(NoiseType type, Key key, int stream, int position, int column) {
    if (type == NoiseType.UNIFORM) {
      return 2.0 * Philox.uniform(Philox.word(key, stream, position, column, 0)) - 1;
    }
    int cosine = column / 16 * 16 + column % 8; // where the pair of words begins
    double u0 = Philox.uniform(Philox.word(key, stream, position, cosine, 0));
    double u1 = Philox.uniform(Philox.word(key, stream, position, cosine + 8, 0));
    double radius = Math.sqrt(-2 * Math.log(1 - u0));
    double angle = 2 * Math.PI * u1;
    return radius * (column == cosine ? Math.cos(angle) : Math.sin(angle));
  }
}
