package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Embeddings, normalisation, activations: rows are independent but for parameter gradients. */
interface RowContract extends Contract {

  int[][] ROW_SHAPES = {
    {0, 5}, {1, 1}, {1, 13}, {2, 2}, {3, 31}, {5, 32}, {7, 33}, {13, 64}, {13, 127}, {31, 384},
    {207, 17}, {3, 1031}, {1031, 3}
  };

  @Test
  default void gather() {
    for (int[] s : ROW_SHAPES) {
      trial("gather", s)
          .misaligned(s[0] % 2 == 1)
          .in("table", 11, s[1])
          .ints("ids", s[0], r -> (r * 7 + r / 5) % 11)
          .out("y", s[0], s[1])
          .hidden("table", "y")
          .run((k, t) -> k.gather(t.get("y"), t.get("table"), t.get("ids")));
    }
  }

  @Test
  default void gatherBackward() {
    for (int[] s : ROW_SHAPES) {
      trial("gatherBackward", s)
          .misaligned(s[0] % 2 == 1)
          .in("dy", s[0], s[1])
          .ints("ids", s[0], r -> (r * 7 + r / 5) % 11)
          .updated("dTable", 12, s[1])
          .hidden("dTable", "dy")
          .run((k, t) -> k.gatherBackward(t.get("dTable"), t.get("dy"), t.get("ids")));
    }
  }

  @Test
  default void embeddingSum() {
    for (int[] s : ROW_SHAPES) {
      for (String words : new String[] {"words", "y"}) {
        trial("embeddingSum into " + words, s)
            .misaligned(s[0] % 2 == 1)
            .in("words", s[0], s[1])
            .in("positionTable", 20, s[1])
            .ints("positions", s[0], r -> 19 - r % 20)
            .in("typeTable", 2, s[1])
            .ints("types", s[0], r -> r / 3 % 2)
            .updated("y", s[0], s[1])
            .run(
                (k, t) ->
                    k.embeddingSum(
                        t.get("y"),
                        t.get(words),
                        t.get("positionTable"),
                        t.get("positions"),
                        t.get("typeTable"),
                        t.get("types")));
      }
    }
  }

  @Test
  default void layerNorm() {
    for (int[] s : ROW_SHAPES) {
      trial("layerNorm", s)
          .misaligned(s[0] % 2 == 1)
          .in("x", s[0], s[1])
          .in("gamma", 1, s[1])
          .in("beta", 1, s[1])
          .out("mean", s[0], 1)
          .out("rstd", s[0], 1)
          .out("y", s[0], s[1])
          .hidden("x", "y")
          .run(RowContract::layerNorm);
    }
  }

  private static void layerNorm(io.holdfast.kernels.Kernels k, Tensors t) {
    k.layerNorm(
        t.get("y"), t.get("mean"), t.get("rstd"), t.get("x"), t.get("gamma"), t.get("beta"), 1e-5f);
  }

  /** A mean far above the deviation: two passes are needed, one over squares loses all digits. */
  @Test
  default void layerNormSurvivesALargeMean() {
    double[] x = new double[3 * 96];
    Arrays.setAll(x, i -> 4096 + (i * 37 % 101) / 64.0);
    trial("layerNorm of a large mean")
        .in("x", 3, 96, x)
        .in("gamma", 1, 96)
        .in("beta", 1, 96)
        .out("mean", 3, 1)
        .out("rstd", 3, 1)
        .out("y", 3, 96)
        .hidden("x", "y")
        .run(RowContract::layerNorm);
  }

  @Test
  default void layerNormKeepsNanInItsRow() {
    double[] x = new double[4 * 50];
    Arrays.setAll(x, i -> i % 7);
    x[1 * 50 + 49] = Double.NaN;
    float[] y =
        trial("layerNorm of NaN")
            .in("x", 4, 50, x)
            .in("gamma", 1, 50)
            .in("beta", 1, 50)
            .out("mean", 4, 1)
            .out("rstd", 4, 1)
            .out("y", 4, 50)
            .hidden("x", "y")
            .onBackend(RowContract::layerNorm)
            .get("y");
    for (int i = 0; i < y.length; i++) {
      assertEquals(i / 50 == 1, Float.isNaN(y[i]), "row " + i / 50);
    }
  }

  @Test
  default void layerNormBackward() {
    for (int[] s : ROW_SHAPES) {
      for (String dy : new String[] {"dy", "dx"}) {
        for (boolean parameters : new boolean[] {true, false}) {
          normGradients("layerNormBackward of " + dy, s)
              .hidden("dx", "dy", "x")
              .run(
                  (k, t) ->
                      k.layerNormBackward(
                          t.get("dx"),
                          parameters ? t.get("dGamma") : null,
                          parameters ? t.get("dBeta") : null,
                          t.get(dy),
                          t.get("x"),
                          t.get("mean"),
                          t.get("rstd"),
                          t.get("gamma")));
        }
      }
    }
  }

  private Trial normGradients(String operation, int[] s) {
    double[] rstd = new double[s[0]];
    Arrays.setAll(rstd, r -> 0.5 + r % 5 / 4.0);
    return trial(operation, s)
        .misaligned(s[0] % 2 == 1)
        .in("dy", s[0], s[1])
        .in("x", s[0], s[1])
        .in("mean", s[0], 1)
        .in("rstd", s[0], 1, rstd)
        .in("gamma", 1, s[1])
        .draws(s[0])
        .updated("dx", s[0], s[1])
        .updated("dGamma", 1, s[1])
        .updated("dBeta", 1, s[1]);
  }

  @Test
  default void dropoutAddLayerNorm() {
    for (int[] s : ROW_SHAPES) {
      for (float p : new float[] {0, 0.1f}) {
        for (String x : new String[] {"x", "s"}) {
          hiddenTrial("dropoutAddLayerNorm of " + x + " at " + p, s)
              .misaligned(s[0] % 2 == 1)
              .in("x", s[0], s[1])
              .in("residual", s[0], s[1])
              .in("gamma", 1, s[1])
              .in("beta", 1, s[1])
              .draws(s[0])
              .updated("s", s[0], s[1])
              .out("mean", s[0], 1)
              .out("rstd", s[0], 1)
              .out("y", s[0], s[1])
              .hidden("x", "residual", "s", "y")
              .run(
                  (k, t) ->
                      k.dropoutAddLayerNorm(
                          t.get("y"),
                          t.get("s"),
                          t.get("mean"),
                          t.get("rstd"),
                          t.get(x),
                          t.get("residual"),
                          t.get("gamma"),
                          t.get("beta"),
                          1e-5f,
                          p,
                          Key.of(3).at(5),
                          t.draws()));
        }
      }
    }
  }

  @Test
  default void dropoutAddLayerNormBackward() {
    for (int[] s : ROW_SHAPES) {
      for (float p : new float[] {0, 0.1f}) {
        for (String dy : new String[] {"dy", "dResidual"}) {
          boolean parameters = dy.equals("dy");
          normGradients("dropoutAddLayerNormBackward of " + dy + " at " + p, s)
              .updated("dResidual", s[0], s[1])
              .hidden("dx", "dResidual", "dy", "x")
              .run(
                  (k, t) ->
                      k.dropoutAddLayerNormBackward(
                          t.get("dx"),
                          t.get("dResidual"),
                          parameters ? t.get("dGamma") : null,
                          parameters ? t.get("dBeta") : null,
                          t.get(dy),
                          t.get("x"),
                          t.get("mean"),
                          t.get("rstd"),
                          t.get("gamma"),
                          p,
                          Key.of(3).at(5),
                          t.draws()));
        }
      }
    }
  }

  @Test
  default void biasGelu() {
    for (int[] s : ROW_SHAPES) {
      trial("biasGelu", s)
          .misaligned(s[0] % 2 == 1)
          .in("x", s[0], s[1])
          .in("b", 1, s[1])
          .out("y", s[0], s[1])
          .hidden("x", "y")
          .run((k, t) -> k.biasGelu(t.get("y"), t.get("x"), t.get("b")));
      for (String dy : new String[] {"dy", "dx"}) {
        trial("biasGeluBackward of " + dy, s)
            .misaligned(s[0] % 2 == 1)
            .in("dy", s[0], s[1])
            .in("x", s[0], s[1])
            .in("b", 1, s[1])
            .updated("dx", s[0], s[1])
            .hidden("dx", "dy", "x")
            .run((k, t) -> k.biasGeluBackward(t.get("dx"), t.get(dy), t.get("x"), t.get("b")));
      }
    }
  }

  @Test
  default void tanh() {
    for (int[] s : ROW_SHAPES) {
      for (String x : new String[] {"x", "y"}) {
        trial("tanh of " + x, s)
            .misaligned(s[0] % 2 == 1)
            .in("x", s[0], s[1])
            .updated("y", s[0], s[1])
            .run((k, t) -> k.tanh(t.get("y"), t.get(x)));
      }
      for (String dy : new String[] {"dy", "dx"}) {
        trial("tanhBackward of " + dy, s)
            .in("dy", s[0], s[1])
            .in("y", s[0], s[1])
            .updated("dx", s[0], s[1])
            .run((k, t) -> k.tanhBackward(t.get("dx"), t.get(dy), t.get("y")));
      }
    }
  }

  /** Every 1/16 in −12 … 12, and far out: within four roundings of max(1, |t|). */
  @Test
  default void activationsAreAccurateEverywhere() {
    double[] x = new double[400];
    Arrays.setAll(x, i -> i < 385 ? i / 16.0 - 12 : (i % 2 == 0 ? 1 : -1) * Math.pow(10, i - 390));
    Map<String, float[]> got =
        trial("activations")
            .in("x", 1, x.length, x)
            .in("b", 1, x.length, new double[x.length])
            .in("one", 1, x.length, filled(x.length, 1))
            .out("gelu", 1, x.length)
            .out("dGelu", 1, x.length)
            .out("tanh", 1, x.length)
            .onBackend(
                (k, t) -> {
                  k.biasGelu(t.get("gelu"), t.get("x"), t.get("b"));
                  k.biasGeluBackward(t.get("dGelu"), t.get("one"), t.get("x"), t.get("b"));
                  k.tanh(t.get("tanh"), t.get("x"));
                });
    for (int i = 0; i < x.length; i++) {
      double t = (float) x[i];
      double tolerance = 4 * roundoff() * Math.max(1, Math.abs(t));
      double phi = ReferenceKernels.normalDistribution(t);
      double density = Math.exp(-t * t / 2) / Math.sqrt(2 * Math.PI);
      assertNear("gelu", t, t * phi, got.get("gelu")[i], tolerance);
      assertNear("gelu'", t, phi + t * density, got.get("dGelu")[i], tolerance);
      assertNear("tanh", t, Math.tanh(t), got.get("tanh")[i], tolerance);
    }
  }

  /** Where {@code x} is NaN, and nowhere else; a dropped NaN is NaN too. */
  @Test
  default void nanStaysWhereItIs() {
    int cols = 37;
    double[] x = new double[3 * cols];
    Arrays.setAll(x, i -> i % 5 == 2 ? Double.NaN : i / 10.0 - 5);
    Trial trial = trial("NaN").in("x", 3, cols, x).in("finite", 3, cols).in("b", 1, cols).draws(3);
    for (String y : List.of("gelu", "dGelu", "dGelu of x", "tanh", "dTanh", "dropout", "noise")) {
      trial.out(y, 3, cols);
    }
    trial
        .onBackend(
            (k, t) -> {
              Tensor nan = t.get("x");
              Tensor finite = t.get("finite");
              k.biasGelu(t.get("gelu"), nan, t.get("b"));
              k.biasGeluBackward(t.get("dGelu"), nan, finite, t.get("b"));
              k.biasGeluBackward(t.get("dGelu of x"), finite, nan, t.get("b"));
              k.tanh(t.get("tanh"), nan);
              k.tanhBackward(t.get("dTanh"), nan, finite);
              k.dropout(t.get("dropout"), nan, 0.5f, Key.of(3), t.draws());
              k.addNoise(t.get("noise"), nan, NoiseType.NORMAL, 0.1f, Key.of(3), t.draws());
            })
        .forEach(
            (name, y) -> {
              for (int i = 0; i < y.length; i++) {
                assertEquals(Double.isNaN(x[i]), Float.isNaN(y[i]), name + "[" + i + "] " + y[i]);
              }
            });
  }

  private static double[] filled(int n, double value) {
    double[] values = new double[n];
    Arrays.fill(values, value);
    return values;
  }

  private static void assertNear(String what, double t, double want, double got, double tolerance) {
    assertTrue(
        Math.abs(got - want) <= tolerance,
        () -> what + "(" + t + ") is " + got + ", expected " + want + " within " + tolerance);
  }
}
