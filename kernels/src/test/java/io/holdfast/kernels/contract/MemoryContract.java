package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

interface MemoryContract extends Contract {

  @Test
  default void uploadsAndDownloadsPartOfAnArray() {
    try (Slab slab = kernels().allocate(1024)) {
      Tensor t = new Tensor(slab, 0, 2, 3, kernels().real());
      kernels().upload(t, new float[] {9, 9, 1, 2, 3, 4, 5, 6, 9}, 2);
      float[] back = new float[8];
      kernels().download(back, 1, t);
      assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5, 6, 0}, back);
      kernels().download(back, 0, t.rows(1, 2));
      assertArrayEquals(new float[] {4, 5, 6, 3, 4, 5, 6, 0}, back);
    }
  }

  @Test
  default void copiesAndZeroes() {
    for (int rows : new int[] {0, 1, 13, 207}) {
      int cols = 33;
      trial("copy", rows, cols)
          .in("src", rows, cols)
          .out("dst", rows, cols)
          .run((k, t) -> k.copy(t.get("dst"), t.get("src")));
      trial("zero", rows, cols).out("x", rows, cols).run((k, t) -> k.zero(t.get("x")));
    }
  }

  @Test
  default void convertsToTheNearest() {
    Rounding rounding = Rounding.to(kernels().hidden());
    double[] values = {
      0,
      1,
      -1.00048828125,
      1.001953125,
      1.00390625,
      1.01171875,
      65519,
      65520,
      1e-8,
      3.0e-8,
      7e-5,
      -3.4e38,
      Double.POSITIVE_INFINITY,
      Double.NaN,
      0.1,
      -0.3
    };
    for (int[] s : new int[][] {{0, 5}, {1, 16}, {13, 33}}) {
      double[] x = new double[s[0] * s[1]];
      Arrays.setAll(x, i -> values[i % 16] * (1 + i / 16 / 64.0));
      for (boolean off : new boolean[] {true, false}) {
        Map<String, float[]> got =
            trial("convert", s)
                .misaligned(off)
                .in("x", s[0], s[1], x)
                .out("y", s[0], s[1])
                .out("back", s[0], s[1])
                .hidden("y")
                .onBackend(
                    (k, t) -> {
                      k.convert(t.get("y"), t.get("x"));
                      k.convert(t.get("back"), t.get("y"));
                    });
        for (int i = 0; i < x.length; i++) {
          assertEquals((float) rounding.of((float) x[i]), got.get("y")[i], "of " + x[i]);
          assertEquals((float) rounding.of((float) x[i]), got.get("back")[i], "of " + x[i]);
        }
      }
    }
  }

  @Test
  default void slabsAreAlignedAndClosed() {
    Slab slab = kernels().allocate(100);
    assertEquals(0, slab.address() % 64);
    assertEquals(100, slab.bytes());
    Tensor t = new Tensor(slab, 0, 1, 4, kernels().real());
    slab.close();
    slab.close();
    assertThrows(IllegalStateException.class, slab::address);
    assertThrows(IllegalStateException.class, () -> kernels().zero(t));
  }

  @Test
  default void saysThatMemoryIsNotThere() {
    long bytes = 1L << 60;
    HoldfastException e =
        assertThrows(HoldfastException.class, () -> kernels().allocate(bytes).close());
    assertEquals(HoldfastException.Kind.OUT_OF_MEMORY, e.kind());
    assertEquals(true, e.getMessage().contains(Long.toString(bytes)), e.getMessage());
  }
}
