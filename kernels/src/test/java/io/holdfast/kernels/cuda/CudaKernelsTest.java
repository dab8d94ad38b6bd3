package io.holdfast.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.contract.KernelsContract;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The CUDA kernels keep the contract, on an emulated driver. */
class CudaKernelsTest {

  /** What fits the shared memory of every device that is supported, in fp32. */
  private static final int LARGEST_HEAD = 64;

  /** A device's libraries choose algorithms by alignment too. */
  private abstract static class Cuda extends KernelsContract {
    @Override
    public boolean productsDependOnAlignment() {
      return EmulatedCuda.onDevice();
    }
  }

  @Nested
  class Fp32 extends Cuda {
    @Override
    protected Kernels open() {
      return EmulatedCuda.kernels();
    }

    @Override
    public int largestHead() {
      return LARGEST_HEAD;
    }
  }

  /** Factors of the emulation's products have eleven significant bits; devices may cut them off. */
  @Nested
  class Tf32Products extends Cuda {
    @Override
    protected Kernels open() {
      return EmulatedCuda.kernels(Precision.TF32);
    }

    @Override
    public int largestHead() {
      return LARGEST_HEAD;
    }

    @Override
    public double productRoundoff() {
      return EmulatedCuda.onDevice() ? 0x1p-10 : 0x1p-11;
    }

    @Test
    void theyAreRounded() {
      assumeFalse(EmulatedCuda.onDevice());
      assertEquals(1, product(kernels(), 1 + 0x1p-12f));
      assertEquals(1 + 0x1p-10f, product(kernels(), 1 + 0x1p-11f));
      try (Kernels fp32 = EmulatedCuda.kernels()) {
        assertEquals(1 + 0x1p-12f, product(fp32, 1 + 0x1p-12f));
      }
    }
  }

  /** Hidden states in bfloat16. */
  @Nested
  class Bf16 extends Cuda {
    @Override
    protected Kernels open() {
      return EmulatedCuda.kernels(Precision.BF16);
    }
  }

  /** Hidden states in half precision. */
  @Nested
  class Fp16 extends Cuda {
    @Override
    protected Kernels open() {
      return EmulatedCuda.kernels(Precision.FP16);
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
  void anIndexThatNamesNothingIsThrownByTheNextDownloadAndTouchesNothing() {
    try (Kernels kernels = EmulatedCuda.kernels();
        Arena arena = new Arena(kernels, 1 << 16)) {
      Tensor all = ones(kernels, arena, 100, 5);
      Tensor table = all.rows(40, 43);
      Tensor rows = ones(kernels, arena, 2, 5);
      Tensor column = ones(kernels, arena, 2, 1);
      for (int bad : new int[] {-1, 3, -40, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
        Tensor ids = ints(kernels, arena, 1, bad);
        Tensor good = ints(kernels, arena, 0, 2);
        refused(kernels, k -> k.gather(rows, table, ids));
        refused(kernels, k -> k.embeddingSum(rows, rows, table, ids, table, good));
        refused(kernels, k -> k.embeddingSum(rows, rows, table, good, table, ids));
        refused(kernels, k -> k.crossEntropy(column, null, ones(k, arena, 2, 3), ids, 1));
        refused(kernels, k -> k.gatherBackward(table, ones(k, arena, 2, 5), ids));
        float[] expected = new float[500];
        Arrays.fill(expected, 1);
        Arrays.fill(expected, 41 * 5, 42 * 5, 3); // row 1 of the table, of two calls
        assertArrayEquals(expected, values(kernels, all));
        kernels.upload(all, filled(500), 0);
      }
    }
  }

  @Test
  void sequencesThatDoNotFitAreThrownAndTouchNothing() {
    try (Kernels kernels = EmulatedCuda.kernels();
        Arena arena = new Arena(kernels, 1 << 16)) {
      Tensor all = ones(kernels, arena, 100, 5);
      Tensor ctx = all.rows(50, 52);
      Tensor qkv = ones(kernels, arena, 2, 15);
      Tensor lse = ones(kernels, arena, 2, 1);
      for (int[] starts : new int[][] {{0, 3, 3}, {-9, -9, 2}, {0, 2, 1}, {0, 2, 9}}) {
        Tensor wrong = ints(kernels, arena, starts);
        Sequences sequences = new Sequences(wrong, ints(kernels, arena, 0, 0), 2);
        refused(kernels, k -> k.attention(ctx, lse, null, qkv, sequences, 1, 0, Key.of(1)));
        Tensor dqkv = ones(kernels, arena, 2, 15);
        refused(
            kernels,
            k ->
                k.attentionBackward(
                    dqkv, null, ones(k, arena, 2, 5), ctx, lse, qkv, sequences, 1, 0, Key.of(1)));
        Tensor g = ones(kernels, arena, 2, 5);
        refused(kernels, k -> k.ascend(ctx, g, sequences, Norm.LINF, 1, 0, 9));
        kernels.upload(ctx, filled(10), 0); // fitting sequences beside the other are done
        assertArrayEquals(filled(500), values(kernels, all));
      }
      Sequences longer = new Sequences(ints(kernels, arena, 0, 65), ints(kernels, arena, 0), 64);
      Tensor tall = ones(kernels, arena, 65, 1);
      Tensor tallLse = ones(kernels, arena, 65, 1);
      Tensor tallQkv = ones(kernels, arena, 65, 3);
      refused(kernels, k -> k.attention(tall, tallLse, null, tallQkv, longer, 1, 0, Key.of(1)));
    }
  }

  @Test
  void aSecondThreadMayGoOn() throws InterruptedException {
    try (Kernels kernels = EmulatedCuda.kernels();
        Arena arena = new Arena(kernels, 1024)) {
      Tensor x = ones(kernels, arena, 1, 3);
      double[] sum = new double[1];
      Thread other = new Thread(() -> sum[0] = kernels.sumOfSquares(x));
      other.start();
      other.join();
      assertEquals(3, sum[0]);
      assertEquals(3, kernels.sumOfSquares(x));
    }
  }

  private static float[] filled(int n) {
    float[] values = new float[n];
    Arrays.fill(values, 1);
    return values;
  }

  private static Tensor ones(Kernels kernels, Arena arena, int rows, int cols) {
    Tensor tensor = arena.take(DType.F32, rows, cols);
    kernels.upload(tensor, filled(rows * cols), 0);
    return tensor;
  }

  private static Tensor ints(Kernels kernels, Arena arena, int... values) {
    Tensor column = arena.take(DType.I32, values.length, 1);
    kernels.upload(column, values, 0);
    return column;
  }

  private static float[] values(Kernels kernels, Tensor tensor) {
    float[] values = new float[(int) tensor.elements()];
    kernels.download(values, 0, tensor);
    return values;
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
