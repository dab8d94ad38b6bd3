package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

interface LinearContract extends Contract {

  /** Rows, inputs, outputs. */
  int[][] LINEAR_SHAPES = {
    {0, 3, 5},
    {1, 1, 1},
    {1, 384, 2},
    {1, 300, 8},
    {1, 8, 300},
    {300, 8, 1},
    {2, 1031, 5},
    {3, 2, 1031},
    {13, 7, 3},
    {13, 64, 64},
    {31, 128, 384},
    {33, 17, 96},
    {129, 97, 131},
    {207, 33, 65},
    {1031, 5, 13}
  };

  @Test
  default void linear() {
    for (int[] s : LINEAR_SHAPES) {
      for (boolean bias : new boolean[] {true, false}) {
        productTrial("linear", s)
            .misaligned(!bias)
            .in("x", s[0], s[1])
            .in("w", s[2], s[1])
            .in("b", 1, s[2])
            .out("y", s[0], s[2])
            .hidden("x", "w", "b", "y")
            .run((k, t) -> k.linear(t.get("y"), t.get("x"), t.get("w"), bias ? t.get("b") : null));
      }
    }
  }

  @Test
  default void linearBackwardInput() {
    for (int[] s : LINEAR_SHAPES) {
      productTrial("linearBackwardInput", s)
          .in("dy", s[0], s[2])
          .in("w", s[2], s[1])
          .out("dx", s[0], s[1])
          .hidden("dy", "w", "dx")
          .run((k, t) -> k.linearBackwardInput(t.get("dx"), t.get("dy"), t.get("w"), false));
      productTrial("linearBackwardInput, added", s)
          .misaligned(true)
          .in("dy", s[0], s[2])
          .in("w", s[2], s[1])
          .updated("dx", s[0], s[1])
          .hidden("dy", "w", "dx")
          .run((k, t) -> k.linearBackwardInput(t.get("dx"), t.get("dy"), t.get("w"), true));
    }
  }

  @Test
  default void linearBackwardWeight() {
    for (int[] s : LINEAR_SHAPES) {
      for (boolean bias : new boolean[] {true, false}) {
        Trial trial =
            productTrial("linearBackwardWeight", s)
                .misaligned(!bias)
                .in("dy", s[0], s[2])
                .in("x", s[0], s[1])
                .updated("dw", s[2], s[1])
                .updated("db", 1, s[2]);
        trial
            .hidden("dy", "x")
            .run(
                (k, t) ->
                    k.linearBackwardWeight(
                        t.get("dw"), bias ? t.get("db") : null, t.get("dy"), t.get("x")));
      }
    }
  }

  /** More rows, columns and depth of a product than any backend treats at once. */
  @Test
  default void productsLargerThanABlockInEveryExtent() {
    int m = 101;
    int n = 517;
    int k = 261;
    productTrial("linear", m, k, n)
        .in("x", m, k)
        .in("w", n, k)
        .in("b", 1, n)
        .out("y", m, n)
        .hidden("x", "w", "b", "y")
        .run((b, t) -> b.linear(t.get("y"), t.get("x"), t.get("w"), t.get("b")));
    productTrial("linearBackwardInput", m, n, k)
        .in("dy", m, k)
        .in("w", k, n)
        .out("dx", m, n)
        .hidden("dy", "w", "dx")
        .run((b, t) -> b.linearBackwardInput(t.get("dx"), t.get("dy"), t.get("w"), false));
    productTrial("linearBackwardWeight", k, n, m)
        .in("dy", k, m)
        .in("x", k, n)
        .updated("dw", m, n)
        .updated("db", 1, m)
        .hidden("dy", "x")
        .run((b, t) -> b.linearBackwardWeight(t.get("dw"), t.get("db"), t.get("dy"), t.get("x")));
  }

  @Test
  default void linearKeepsNanInItsRow() {
    double[] x = new double[5 * 40];
    x[2 * 40 + 7] = Double.NaN;
    float[] y =
        trial("linear of NaN")
            .in("x", 5, 40, x)
            .in("w", 33, 40)
            .out("y", 5, 33)
            .hidden("x", "w", "b", "y")
            .onBackend((k, t) -> k.linear(t.get("y"), t.get("x"), t.get("w"), null))
            .get("y");
    for (int i = 0; i < y.length; i++) {
      assertEquals(i / 33 == 2, Float.isNaN(y[i]), "y[" + i / 33 + ", " + i % 33 + "] = " + y[i]);
    }
  }
}
