package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Norm;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Steps of gradient ascent within a ball around each sequence. */
interface AscentContract extends Contract {

  /** Columns, then the length of each sequence. */
  int[][] ASCENT_SHAPES = {
    {5}, {1, 1}, {3, 1, 2}, {31, 4}, {32, 1, 1, 1}, {33, 2, 7, 1}, {64, 13}, {1031, 1, 3}, {3, 701}
  };

  float[] RADII = {0.5f, 3, Float.POSITIVE_INFINITY};

  @Test
  default void ascend() {
    for (int[] shape : ASCENT_SHAPES) {
      for (Norm norm : Norm.values()) {
        for (float radius : RADII) {
          for (float floor : new float[] {0, 0.25f}) {
            ascent(norm + " in " + radius + " above " + floor, shape)
                .misaligned(floor > 0)
                .updated("delta", tokens(shape), shape[0])
                .in("g", tokens(shape), shape[0])
                .run(step(norm, floor, radius));
          }
        }
      }
    }
  }

  @Test
  default void noStepLeavesTheBall() {
    int[] shape = {37, 2, 5};
    for (float size : new float[] {1e-30f, 1, 1e30f}) {
      double[] g = wave(7 * 37, size);
      float[] cube =
          ascent("cube " + size, shape)
              .updated("delta", 7, 37, wave(7 * 37, 0.1))
              .in("g", 7, 37, g)
              .onBackend(step(Norm.LINF, 0, 0.125f))
              .get("delta");
      for (float value : cube) {
        assertTrue(Math.abs(value) <= 0.125f, "size " + size + ": " + value);
      }
      float[] ball =
          ascent("ball " + size, shape)
              .updated("delta", 7, 37, wave(7 * 37, 0.1))
              .in("g", 7, 37, g)
              .onBackend(step(Norm.L2, 0, 0.125f))
              .get("delta");
      assertEquals(0.125, norm(ball, 0, 2 * 37), 1e-7, "first sequence");
      assertEquals(0.125, norm(ball, 2 * 37, 7 * 37), 1e-7, "second sequence");
    }
  }

  /** Without a floor and a ball the step is as long as asked for, whatever the gradient's size. */
  @Test
  default void theStepIsAsLongAsAskedFor() {
    for (double size : new double[] {1e-30, 1e-9, 1, 1e30}) {
      float[] l2 = step(Norm.L2, wave(7 * 37, size));
      assertEquals(0.75, norm(l2, 0, 2 * 37), 1e-6);
      assertEquals(0.75, norm(l2, 2 * 37, 7 * 37), 1e-6);
      float[] linf = step(Norm.LINF, wave(7 * 37, size));
      assertEquals(0.75f, largest(linf, 0, 2 * 37), 1e-7f);
      assertEquals(0.75f, largest(linf, 2 * 37, 7 * 37), 1e-7f);
    }
  }

  @Test
  default void aGradientOfZeroMovesNothing() {
    for (Norm norm : Norm.values()) {
      assertArrayEquals(new float[7 * 37], step(norm, new double[7 * 37]));
    }
  }

  @Test
  default void aGradientThatIsNotFiniteShows() {
    for (Norm norm : Norm.values()) {
      for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
        double[] g = wave(7 * 37, 1);
        g[40] = bad;
        float[] delta = step(norm, g);
        assertTrue(Float.isNaN(delta[40]), norm + " of " + bad);
        assertTrue(Float.isFinite(delta[2 * 37]), "the other sequence");
      }
      double[] all = new double[7 * 37];
      Arrays.fill(all, Double.NaN);
      assertTrue(Float.isNaN(step(norm, all)[0]), norm + " of NaNs");
    }
  }

  private float[] step(Norm norm, double[] g) {
    return ascent("step " + norm, 37, 2, 5)
        .updated("delta", 7, 37, new double[7 * 37])
        .in("g", 7, 37, g)
        .onBackend(step(norm, 0, Float.POSITIVE_INFINITY))
        .get("delta");
  }

  private static Trial.Operation step(Norm norm, float floor, float radius) {
    return (k, t) ->
        k.ascend(t.get("delta"), t.get("g"), t.sequences(1031), norm, 0.75f, floor, radius);
  }

  private Trial ascent(String what, int... shape) {
    int count = shape.length - 1;
    return trial("ascend " + what, shape)
        .ints("starts", count + 1, b -> Arrays.stream(shape).skip(1).limit(b).sum())
        .ints("streams", count, b -> b);
  }

  private static int tokens(int[] shape) {
    return Arrays.stream(shape).skip(1).sum();
  }

  private static double[] wave(int n, double size) {
    double[] values = new double[n];
    Arrays.setAll(values, i -> size * Math.cos(i));
    return values;
  }

  private static double norm(float[] x, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++) {
      sum += (double) x[i] * x[i];
    }
    return Math.sqrt(sum);
  }

  private static float largest(float[] x, int from, int to) {
    float top = 0;
    for (int i = from; i < to; i++) {
      top = Math.max(top, Math.abs(x[i]));
    }
    return top;
  }
}
