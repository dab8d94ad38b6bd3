package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Kernels;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

interface SpectralContract extends Contract {

  /** Outputs, inputs. */
  int[][] SPECTRAL_SHAPES = {
    {0, 3}, {1, 1}, {1, 384}, {2, 384}, {3, 33}, {13, 7}, {64, 64}, {65, 129}, {5, 1031}
  };

  @Test
  default void spectralNorm() {
    for (int[] s : SPECTRAL_SHAPES) {
      for (int iterations : new int[] {0, 1, 3}) {
        for (boolean atMostOne : new boolean[] {true, false}) {
          trial("spectralNorm, " + iterations + " iterations", s)
              .misaligned(atMostOne)
              .in("w", s[0], s[1])
              .updated("u", 1, s[0])
              .updated("v", 1, s[1])
              .out("sigma", 1, 1)
              .out("y", s[0], s[1])
              .run((k, t) -> norm(k, t, "y", iterations, atMostOne));
        }
      }
    }
  }

  private static void norm(Kernels k, Tensors t, String y, int iterations, boolean atMostOne) {
    k.spectralNorm(
        t.get(y), t.get("sigma"), t.get("u"), t.get("v"), t.get("w"), iterations, atMostOne);
  }

  @Test
  default void spectralNormBackward() {
    for (int[] s : SPECTRAL_SHAPES) {
      for (double sigma : new double[] {0.5, 1, 1.7}) {
        for (boolean atMostOne : new boolean[] {true, false}) {
          trial("spectralNormBackward at " + sigma, s)
              .misaligned(atMostOne)
              .updated("dw", s[0], s[1])
              .in("dy", s[0], s[1])
              .in("y", s[0], s[1])
              .in("u", 1, s[0])
              .in("v", 1, s[1])
              .in("sigma", 1, 1, sigma)
              .run(
                  (k, t) ->
                      k.spectralNormBackward(
                          t.get("dw"),
                          t.get("dy"),
                          t.get("y"),
                          t.get("sigma"),
                          t.get("u"),
                          t.get("v"),
                          atMostOne));
        }
      }
    }
  }

  /**
   * {@code W = P·diag(s)·Q} with orthogonal P and Q. The error of sigma is below {@code tan²(angle
   * of u at the start) · 0.8^60} of it: under 1e-4 unless u is within half a degree of orthogonal.
   */
  @Test
  default void thirtyIterationsFindTheLargestSingularValue() {
    double[] singular = {2.5, 2, 1.5, 0.7, 0.1};
    for (int cols : new int[] {5, 40}) {
      Map<String, float[]> got =
          trial("spectralNorm of known singular values", cols)
              .in("w", 5, cols, known(singular, cols))
              .updated("u", 1, 5)
              .updated("v", 1, cols)
              .out("sigma", 1, 1)
              .out("y", 5, cols)
              .onBackend((k, t) -> norm(k, t, "y", 30, false));
      assertEquals(2.5, got.get("sigma")[0], 1e-3);
      assertEquals(1, length(got.get("u")), 1e-6);
      assertEquals(1, length(got.get("v")), 1e-6);
      assertStretches(got.get("y"), cols, 1 + 1e-3);
    }
  }

  /** No vector grows by more than {@code most}. */
  private static void assertStretches(float[] y, int cols, double most) {
    SplittableRandom random = new SplittableRandom(5);
    for (int n = 0; n < 10_000; n++) {
      double[] x = random.doubles(cols, -1, 1).toArray();
      double squares = 0;
      for (int r = 0; r < y.length / cols; r++) {
        double sum = 0;
        for (int c = 0; c < cols; c++) {
          sum += y[r * cols + c] * x[c];
        }
        squares += sum * sum;
      }
      double size = Math.sqrt(Arrays.stream(x).map(e -> e * e).sum());
      assertTrue(Math.sqrt(squares) <= most * size);
    }
  }

  private static double length(float[] x) {
    double sum = 0;
    for (float e : x) {
      sum += e * e;
    }
    return Math.sqrt(sum);
  }

  /** The Householder reflections of two fixed vectors, about a diagonal. */
  private static double[] known(double[] singular, int cols) {
    int rows = singular.length;
    double[] w = new double[rows * cols];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        for (int i = 0; i < rows; i++) {
          w[r * cols + c] += reflection(r, i, rows) * singular[i] * reflection(i, c, cols);
        }
      }
    }
    return w;
  }

  /** {@code I − 2·a·aᵀ/(a·a)}, a = (1, 2, …, n). */
  private static double reflection(int row, int col, int n) {
    double squares = n * (n + 1) * (2 * n + 1) / 6.0;
    return (row == col ? 1 : 0) - 2 * (row + 1) * (col + 1) / squares;
  }

  @Test
  default void spectralNormInPlaceGivesTheSameBits() {
    Map<String, float[]> apart = ofTwoByTwo("y", false);
    assertArrayEquals(new float[] {1, 0, 0, 1 / 3f}, apart.get("y"));
    assertEquals(3, apart.get("sigma")[0]);
    assertArrayEquals(apart.get("y"), ofTwoByTwo("w", false).get("w"));
  }

  private Map<String, float[]> ofTwoByTwo(String y, boolean atMostOne) {
    return trial("spectralNorm into " + y)
        .updated("w", 2, 2, 3, 0, 0, 1)
        .updated("u", 1, 2, 1, 0)
        .updated("v", 1, 2, 1, 0)
        .out("sigma", 1, 1)
        .updated("y", 2, 2)
        .onBackend((k, t) -> norm(k, t, y, 1, atMostOne));
  }

  @Test
  default void spectralNormShowsWhatIsNotFinite() {
    for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
      for (boolean atMostOne : new boolean[] {true, false}) {
        double[] w = new double[3 * 70];
        w[2 * 70 + 66] = bad;
        Map<String, float[]> got =
            trial("spectralNorm of " + bad)
                .in("w", 3, 70, w)
                .updated("u", 1, 3)
                .updated("v", 1, 70)
                .out("sigma", 1, 1)
                .out("y", 3, 70)
                .onBackend((k, t) -> norm(k, t, "y", 1, atMostOne));
        assertTrue(Float.isNaN(got.get("sigma")[0]));
        for (float y : got.get("y")) {
          assertTrue(Float.isNaN(y), "" + y);
        }
      }
    }
  }

  @Test
  default void zeroHasNoDirection() {
    for (boolean atMostOne : new boolean[] {true, false}) {
      Map<String, float[]> got =
          trial("spectralNorm of 0")
              .in("w", 2, 3, new double[6])
              .updated("u", 1, 2)
              .updated("v", 1, 3)
              .out("sigma", 1, 1)
              .out("y", 2, 3)
              .onBackend((k, t) -> norm(k, t, "y", 1, atMostOne));
      assertEquals(0, got.get("sigma")[0]);
      assertEquals(atMostOne ? 0 : Float.NaN, got.get("y")[0]);
    }
  }
}
