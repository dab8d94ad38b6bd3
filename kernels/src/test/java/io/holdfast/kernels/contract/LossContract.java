package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

interface LossContract extends Contract {

  int[][] LOSS_SHAPES = {{0, 2}, {1, 1}, {1, 2}, {13, 3}, {207, 2}, {5, 33}, {3, 1031}};

  @Test
  default void crossEntropy() {
    for (int[] s : LOSS_SHAPES) {
      for (boolean gradient : new boolean[] {true, false}) {
        trial("crossEntropy", s)
            .misaligned(!gradient)
            .in("logits", s[0], s[1])
            .ints("labels", s[0], b -> b * 5 % s[1])
            .out("loss", s[0], 1)
            .updated("dLogits", s[0], s[1])
            .run(
                (k, t) ->
                    k.crossEntropy(
                        t.get("loss"),
                        gradient ? t.get("dLogits") : null,
                        t.get("logits"),
                        t.get("labels"),
                        0.125f));
      }
    }
  }

  @Test
  default void symmetricKl() {
    for (int[] s : LOSS_SHAPES) {
      for (int wanted = 0; wanted < 4; wanted++) {
        boolean dP = (wanted & 1) != 0;
        boolean dQ = (wanted & 2) != 0;
        trial("symmetricKl", s)
            .misaligned(dP)
            .in("p", s[0], s[1])
            .in("q", s[0], s[1])
            .out("kl", s[0], 1)
            .updated("dP", s[0], s[1])
            .updated("dQ", s[0], s[1])
            .run(
                (k, t) ->
                    k.symmetricKl(
                        t.get("kl"),
                        dP ? t.get("dP") : null,
                        dQ ? t.get("dQ") : null,
                        t.get("p"),
                        t.get("q"),
                        0.7f));
      }
    }
  }

  @Test
  default void symmetricKlOfEqualsIsZero() {
    Map<String, float[]> got =
        trial("symmetricKl of equals")
            .in("p", 9, 3)
            .out("kl", 9, 1)
            .updated("dP", 9, 3, new double[27])
            .updated("dQ", 9, 3, new double[27])
            .onBackend(
                (k, t) ->
                    k.symmetricKl(
                        t.get("kl"), t.get("dP"), t.get("dQ"), t.get("p"), t.get("p"), 1));
    got.forEach(
        (name, values) -> {
          for (float value : values) {
            assertEquals(0, Math.abs(value), name);
          }
        });
  }

  @Test
  default void squaredError() {
    for (int[] s : LOSS_SHAPES) {
      for (boolean gradient : new boolean[] {true, false}) {
        trial("squaredError", s[0])
            .in("x", s[0], 1)
            .in("target", s[0], 1)
            .out("loss", s[0], 1)
            .updated("dx", s[0], 1)
            .run(
                (k, t) ->
                    k.squaredError(
                        t.get("loss"),
                        gradient ? t.get("dx") : null,
                        t.get("x"),
                        t.get("target"),
                        0.25f));
      }
    }
  }

  @Test
  default void extremeLogitsStayFinite() {
    double[] logits = {1e4, -1e4, 0, -1e4, -1e4, -1e4, 1e4, 1e4, 1e4, 0, 1e4, -1e4};
    double[] others = {-1e4, 1e4, 0, 1e4, -1e4, 0, 1e4, 1e4, -1e4, 1e4, 0, 0};
    trial("extreme logits")
        .in("p", 4, 3, logits)
        .in("q", 4, 3, others)
        .ints("labels", 4, b -> 1)
        .out("loss", 4, 1)
        .out("dLogits", 4, 3)
        .out("kl", 4, 1)
        .updated("dP", 4, 3)
        .updated("dQ", 4, 3)
        .run(
            (k, t) -> {
              k.crossEntropy(t.get("loss"), t.get("dLogits"), t.get("p"), t.get("labels"), 1);
              k.symmetricKl(t.get("kl"), t.get("dP"), t.get("dQ"), t.get("p"), t.get("q"), 1);
            });
  }

  @Test
  default void nanLogitsGiveNanLosses() {
    double[] logits = new double[5 * 3];
    logits[2 * 3 + 1] = Double.NaN;
    Map<String, float[]> got =
        trial("NaN logits")
            .in("p", 5, 3, logits)
            .in("q", 5, 3)
            .ints("labels", 5, b -> 0)
            .out("loss", 5, 1)
            .out("dLogits", 5, 3)
            .out("kl", 5, 1)
            .updated("dP", 5, 3)
            .onBackend(
                (k, t) -> {
                  k.crossEntropy(t.get("loss"), t.get("dLogits"), t.get("p"), t.get("labels"), 1);
                  k.symmetricKl(t.get("kl"), t.get("dP"), null, t.get("p"), t.get("q"), 1);
                });
    got.forEach(
        (name, values) -> {
          int cols = values.length / 5;
          for (int i = 0; i < values.length; i++) {
            assertEquals(i / cols == 2, Float.isNaN(values[i]), name + " of row " + i / cols);
          }
        });
    assertTrue(Arrays.asList("loss", "kl").stream().allMatch(got::containsKey));
  }
}
