package io.holdfast.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.contract.KernelsContract;
import java.util.function.Consumer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The CUDA kernels keep the contract, on an emulated driver. */
class CudaKernelsTest {

  @Nested
  class Fp32 extends KernelsContract {
    @Override
    protected Kernels open() {
      return EmulatedCuda.kernels();
    }
  }

  /** Factors of matrix products have eleven significant bits. */
  @Nested
  class Tf32Products extends KernelsContract {
    @Override
    protected Kernels open() {
      return EmulatedCuda.kernels(Precision.TF32);
    }

    @Override
    public double productRoundoff() {
      return 0x1p-11;
    }

    @Test
    void theyAreRounded() {
      assertEquals(1, product(kernels(), 1 + 0x1p-12f));
      assertEquals(1 + 0x1p-10f, product(kernels(), 1 + 0x1p-11f));
      try (Kernels fp32 = EmulatedCuda.kernels()) {
        assertEquals(1 + 0x1p-12f, product(fp32, 1 + 0x1p-12f));
      }
    }
  }

  /** x · 1 */
  private static float product(Kernels k, float x) {
    float[] value = {x};
    try (Arena arena = new Arena(k, 1024)) {
      Tensor factor = arena.take(DType.F32, 1, 1);
      Tensor one = arena.take(DType.F32, 1, 1);
      Tensor y = arena.take(DType.F32, 1, 1);
      k.upload(factor, value, 0);
      k.upload(one, new float[] {1}, 0);
      k.linear(y, factor, one, null);
      k.download(value, 0, y);
    }
    return value[0];
  }

  @Test
  void anIndexThatNamesNothingIsThrownByTheNextDownloadAndByNoOther() {
    try (Kernels kernels = EmulatedCuda.kernels();
        Arena arena = new Arena(kernels, 1 << 16)) {
      Tensor table = arena.take(DType.F32, 3, 5);
      Tensor rows = arena.take(DType.F32, 2, 5);
      kernels.zero(table);
      kernels.zero(rows);
      Tensor column = arena.take(DType.F32, 2, 1);
      Tensor qkv = arena.take(DType.F32, 2, 15);
      kernels.zero(qkv);
      for (int bad : new int[] {-1, 3, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
        Tensor ids = ints(kernels, arena, 1, bad);
        refused(kernels, k -> k.gather(rows, table, ids));
        refused(kernels, k -> k.gatherBackward(table, rows, ids));
        refused(
            kernels,
            k -> k.embeddingSum(rows, rows, table, ids, table, ints(kernels, arena, 0, 2)));
        refused(
            kernels,
            k -> k.embeddingSum(rows, rows, table, ints(kernels, arena, 0, 2), table, ids));
        refused(kernels, k -> k.crossEntropy(column, null, rows, ints(kernels, arena, 0, 5), 1));
      }
      for (int[] starts : new int[][] {{0, 1, 3}, {0, 3, 2}, {1, 1, 2}, {0, -1, 2}, {0, 1, 1}}) {
        Sequences wrong =
            new Sequences(ints(kernels, arena, starts), ints(kernels, arena, 0, 0), 2);
        refused(kernels, k -> k.attention(rows, column, null, qkv, wrong, 1, 0, Key.of(1)));
      }
      Sequences longer = new Sequences(ints(kernels, arena, 0, 65), ints(kernels, arena, 0), 64);
      Tensor tall = arena.take(DType.F32, 65, 1);
      Tensor lse = arena.take(DType.F32, 65, 1);
      Tensor tallQkv = arena.take(DType.F32, 65, 3);
      refused(kernels, k -> k.attention(tall, lse, null, tallQkv, longer, 1, 0, Key.of(1)));
    }
  }

  private static Tensor ints(Kernels kernels, Arena arena, int... values) {
    Tensor column = arena.take(DType.I32, values.length, 1);
    kernels.upload(column, values, 0);
    return column;
  }

  private static void refused(Kernels kernels, Consumer<Kernels> operation) {
    float[] one = new float[1];
    try (Arena arena = new Arena(kernels, 1024)) {
      Tensor x = arena.take(DType.F32, 1, 1);
      kernels.zero(x);
      operation.accept(kernels);
      assertThrows(IndexOutOfBoundsException.class, () -> kernels.download(one, 0, x));
      kernels.download(one, 0, x);
      operation.accept(kernels);
      assertThrows(IndexOutOfBoundsException.class, () -> kernels.sumOfSquares(x));
      assertEquals(0, kernels.sumOfSquares(x));
    }
  }
}
