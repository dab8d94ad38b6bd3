package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Philox;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The random bits are those of {@link Philox}, element by element. */
interface RandomContract extends Contract {

  Key KEY = Key.of(7).at(123456789012L).at(-3);

  int[][] DRAW_SHAPES = {
    {0, 5}, {1, 1}, {3, 8}, {3, 9}, {2, 31}, {2, 32}, {5, 33}, {13, 77}, {31, 127}, {207, 13},
    {3, 1031}
  };

  @Test
  default void dropoutMaskIsExact() {
    for (int[] s : DRAW_SHAPES) {
      for (float p : new float[] {0.1f, 0.5f, 0.999f}) {
        float[] y =
            trial("dropout mask", s)
                .misaligned(s[0] % 2 == 1)
                .draws(s[0])
                .updated("y", s[0], s[1], filled(s[0] * s[1], 3))
                .hidden("y")
                .onBackend((k, t) -> k.dropout(t.get("y"), t.get("y"), p, KEY, t.draws()))
                .get("y");
        for (int i = 0; i < y.length; i++) {
          int r = i / s[1];
          boolean keeps = Philox.keeps(Philox.word(KEY, 40 - r / 7, r % 7, i % s[1], 0), p);
          assertEquals(keeps, y[i] != 0, "p " + p + ", row " + r + ", column " + i % s[1]);
        }
      }
    }
  }

  @Test
  default void dropout() {
    for (int[] s : DRAW_SHAPES) {
      trial("dropout", s)
          .in("x", s[0], s[1])
          .draws(s[0])
          .out("y", s[0], s[1])
          .hidden("x", "y")
          .run((k, t) -> k.dropout(t.get("y"), t.get("x"), 0.25f, KEY, t.draws()));
      trial("dropout, none", s)
          .in("x", s[0], s[1])
          .draws(s[0])
          .out("y", s[0], s[1])
          .hidden("x", "y")
          .run((k, t) -> k.dropout(t.get("y"), t.get("x"), 0, KEY, t.draws()));
    }
  }

  @Test
  default void uniformNoiseIsExact() {
    float eps = 1e-5f;
    for (int[] s : DRAW_SHAPES) {
      float[] y = noiseAlone(NoiseType.UNIFORM, s, eps);
      for (int i = 0; i < y.length; i++) {
        int r = i / s[1];
        float u = Philox.uniform(Philox.word(KEY, 40 - r / 7, r % 7, i % s[1], 0));
        assertEquals(eps * (2 * u - 1), y[i], "row " + r + ", column " + i % s[1]);
      }
    }
  }

  @Test
  default void normalNoiseIsBoxMuller() {
    float eps = 0.01f;
    for (int[] s : DRAW_SHAPES) {
      float[] y = noiseAlone(NoiseType.NORMAL, s, eps);
      for (int i = 0; i < y.length; i++) {
        int r = i / s[1];
        int c = i % s[1];
        int pair = c - c % 16 + c % 8;
        double u = Philox.uniform(Philox.word(KEY, 40 - r / 7, r % 7, pair, 0));
        double v = 2 * Math.PI * Philox.uniform(Philox.word(KEY, 40 - r / 7, r % 7, pair + 8, 0));
        double z = Math.sqrt(-2 * Math.log(1 - u)) * (c == pair ? Math.cos(v) : Math.sin(v));
        assertEquals(eps * z, y[i], 2e-6 * eps, "row " + r + ", column " + c);
      }
    }
  }

  private float[] noiseAlone(NoiseType type, int[] s, float eps) {
    return trial("noise " + type, s)
        .misaligned(s[0] % 2 == 1)
        .in("x", s[0], s[1], new double[s[0] * s[1]])
        .draws(s[0])
        .out("y", s[0], s[1])
        .onBackend((k, t) -> k.addNoise(t.get("y"), t.get("x"), type, eps, KEY, t.draws()))
        .get("y");
  }

  @Test
  default void addNoise() {
    for (int[] s : DRAW_SHAPES) {
      for (NoiseType type : NoiseType.values()) {
        trial("addNoise " + type, s)
            .draws(s[0])
            .updated("y", s[0], s[1])
            .hidden("y")
            .run((k, t) -> k.addNoise(t.get("y"), t.get("y"), type, 0.1f, KEY, t.draws()));
      }
    }
  }

  /** Rows that move keep their numbers: packing cannot change a draw. */
  @Test
  default void drawsDoNotDependOnThePlaceInTheBatch() {
    float[] forward = oneToEach(20, r -> r);
    float[] backward = oneToEach(20, r -> 19 - r);
    for (int r = 0; r < 20; r++) {
      int other = 19 - r;
      assertArrayEquals(
          Arrays.copyOfRange(forward, r * 50, r * 50 + 50),
          Arrays.copyOfRange(backward, other * 50, other * 50 + 50));
    }
  }

  private float[] oneToEach(int rows, java.util.function.IntUnaryOperator stream) {
    return trial("moved rows")
        .ints("streams", rows, stream)
        .ints("positions", rows, r -> 5)
        .updated("y", rows, 50, filled(rows * 50, 1))
        .onBackend((k, t) -> k.dropout(t.get("y"), t.get("y"), 0.5f, KEY, t.draws()))
        .get("y");
  }

  private static double[] filled(int n, double value) {
    double[] values = new double[n];
    Arrays.fill(values, value);
    return values;
  }
}
