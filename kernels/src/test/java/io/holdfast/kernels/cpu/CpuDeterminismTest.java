package io.holdfast.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Bits and bytes: results on any number of threads, and what a call leaves on the heap. */
class CpuDeterminismTest {

  private static final int[] LENGTHS = {67, 128, 1, 33, 200};
  private static final int TOKENS = 429;
  private static final int HIDDEN = 192;
  private static final int WIDE = 517;
  private static final int HEADS = 3;

  @Test
  void resultsDoNotDependOnTheNumberOfThreads() {
    Map<String, Integer> alone = hashes(1);
    for (int threads : new int[] {2, 3, 4, 8}) {
      assertEquals(alone, hashes(threads), threads + " threads");
    }
  }

  /** One block of an encoder, forward and backward, in tensors large enough to be shared out. */
  private static Map<String, Integer> hashes(int threads) {
    Map<String, Integer> hashes = new LinkedHashMap<>();
    try (Kernels k = new CpuKernels(threads, Precision.FP32);
        Arena arena = new Arena(k, 64 << 20)) {
      Step step = new Step(k, arena);
      step.forward();
      step.backward();
      step.tensors.forEach(
          (name, tensor) -> {
            float[] values = new float[(int) tensor.elements()];
            k.download(values, 0, tensor);
            hashes.put(name, Arrays.hashCode(values));
          });
      double norm = k.sumOfSquares(step.tensors.get("dw"));
      hashes.put("norm", Double.hashCode(norm));
    }
    return hashes;
  }

  private static final class Step {
    final Map<String, Tensor> tensors = new LinkedHashMap<>();
    final Kernels k;
    final Arena arena;
    final Key key = Key.of(3);
    final Rows rows;
    final Sequences sequences;
    final Tensor ids;
    final Tensor scratch;

    Step(Kernels k, Arena arena) {
      this.k = k;
      this.arena = arena;
      int[] starts = new int[LENGTHS.length + 1];
      int[] streams = new int[TOKENS];
      int[] positions = new int[TOKENS];
      for (int b = 0; b < LENGTHS.length; b++) {
        starts[b + 1] = starts[b] + LENGTHS[b];
        for (int t = starts[b]; t < starts[b + 1]; t++) {
          streams[t] = b;
          positions[t] = t - starts[b];
        }
      }
      rows = new Rows(ints(streams), ints(positions));
      sequences = new Sequences(ints(starts), ints(new int[] {0, 1, 2, 3, 4}), 200);
      ids = ints(new SplittableRandom(1).ints(TOKENS, 0, 50).toArray());
      scratch = arena.take(DType.F32, 1, (int) k.attentionScratch(200, HEADS, HIDDEN / HEADS));
    }

    Tensor ints(int[] values) {
      Tensor tensor = arena.take(DType.I32, values.length, 1);
      k.upload(tensor, values, 0);
      return tensor;
    }

    /** A tensor of numbers that depend on its name alone. */
    Tensor get(String name, int rows, int cols) {
      return tensors.computeIfAbsent(
          name,
          n -> {
            SplittableRandom random = new SplittableRandom(n.hashCode());
            float[] values = new float[rows * cols];
            for (int i = 0; i < values.length; i++) {
              values[i] = (float) random.nextDouble(-1, 1);
            }
            Tensor tensor = arena.take(DType.F32, rows, cols);
            k.upload(tensor, values, 0);
            return tensor;
          });
    }

    Tensor tokens(String name) {
      return get(name, TOKENS, HIDDEN);
    }

    Tensor row(String name) {
      return get(name, 1, HIDDEN);
    }

    Tensor column(String name) {
      return get(name, TOKENS, 1);
    }

    void forward() {
      k.gather(tokens("x"), get("table", 50, HIDDEN), ids);
      k.addNoise(tokens("noised"), tokens("x"), NoiseType.NORMAL, 0.1f, key, rows);
      k.addNoise(tokens("x"), tokens("noised"), NoiseType.UNIFORM, 0.1f, key.at(1), rows);
      for (Norm norm : Norm.values()) {
        k.ascend(tokens("delta " + norm), tokens("x"), sequences, norm, 0.3f, 0, 0.9f);
      }
      k.axpby(tokens("x"), 0.5f, tokens("delta L2"), 0.75f);
      k.linear(get("qkv", TOKENS, 3 * HIDDEN), tokens("x"), get("wqkv", 3 * HIDDEN, HIDDEN), null);
      k.attention(
          tokens("ctx"),
          get("lse", TOKENS, HEADS),
          scratch,
          get("qkv", TOKENS, 3 * HIDDEN),
          sequences,
          HEADS,
          0.1f,
          key.at(2));
      k.dropoutAddLayerNorm(
          tokens("y"),
          tokens("s"),
          column("mean"),
          column("rstd"),
          tokens("ctx"),
          tokens("x"),
          row("gamma"),
          row("beta"),
          1e-5f,
          0.1f,
          key.at(3),
          rows);
      k.linear(get("wide", TOKENS, WIDE), tokens("y"), get("w", WIDE, HIDDEN), get("b", 1, WIDE));
      k.biasGelu(get("gelu", TOKENS, WIDE), get("wide", TOKENS, WIDE), get("b", 1, WIDE));
      k.tanh(get("tanh", TOKENS, WIDE), get("gelu", TOKENS, WIDE));
      Tensor sigma = get("sigma", 1, 1);
      Tensor normalised = get("normalised", WIDE, HIDDEN);
      k.spectralNorm(
          normalised, sigma, get("u", 1, WIDE), row("right"), get("w", WIDE, HIDDEN), 2, false);
    }

    void backward() {
      Tensor dwide = get("dwide", TOKENS, WIDE);
      k.tanhBackward(dwide, dwide, get("tanh", TOKENS, WIDE));
      k.biasGeluBackward(dwide, dwide, get("wide", TOKENS, WIDE), get("b", 1, WIDE));
      k.linearBackwardWeight(get("dw", WIDE, HIDDEN), get("db", 1, WIDE), dwide, tokens("y"));
      k.linearBackwardInput(tokens("dy"), dwide, get("w", WIDE, HIDDEN), true);
      k.dropoutAddLayerNormBackward(
          tokens("dctx"),
          tokens("dx"),
          row("dGamma"),
          row("dBeta"),
          tokens("dy"),
          tokens("s"),
          column("mean"),
          column("rstd"),
          row("gamma"),
          0.1f,
          key.at(3),
          rows);
      k.attentionBackward(
          get("dqkv", TOKENS, 3 * HIDDEN),
          scratch,
          tokens("dctx"),
          tokens("ctx"),
          get("lse", TOKENS, HEADS),
          get("qkv", TOKENS, 3 * HIDDEN),
          sequences,
          HEADS,
          0.1f,
          key.at(2));
      k.gatherBackward(get("dTable", 50, HIDDEN), tokens("dx"), ids);
      Tensor m = get("m", WIDE, HIDDEN);
      Tensor v = get("v", WIDE, HIDDEN);
      k.zero(v);
      k.adamw(
          get("w", WIDE, HIDDEN),
          m,
          v,
          get("dw", WIDE, HIDDEN),
          new AdamStep(1e-3, 0.9, 0.999, 1e-8, 0.01, 0.1, 0.001, false, 0.5));
    }
  }

  @Test
  void aCallLeavesNextToNothingOnTheHeap() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Kernels k = new CpuKernels(2, Precision.FP32);
        Arena arena = new Arena(k, 1 << 20)) {
      Tensor x = arena.take(DType.F32, 128, 256);
      Tensor y = arena.take(DType.F32, 128, 256);
      k.zero(x);
      int calls = 20_000;
      long before = 0;
      for (int i = 0; i < 2 * calls; i++) {
        if (i == calls) { // the first half warms up
          before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
        }
        k.tanh(y, x);
      }
      long bytes = threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
      assertTrue(bytes / calls <= 160, bytes / calls + " bytes a call");
    }
  }

  @Test
  void smallSumsOfSeveralCallersKeepApart() throws InterruptedException {
    try (Kernels k = new CpuKernels(2, Precision.FP32);
        Arena arena = new Arena(k, 1 << 20)) {
      Tensor ones = arena.take(DType.F32, 1, 4096);
      float[] values = new float[4096];
      Arrays.fill(values, 1);
      k.upload(ones, values, 0);
      Tensor zeros = arena.take(DType.F32, 1, 4096);
      k.zero(zeros);
      AtomicInteger wrong = new AtomicInteger();
      Thread other = new Thread(() -> countWrongSums(k, zeros, 0, wrong));
      other.start();
      countWrongSums(k, ones, 4096, wrong);
      other.join();
      assertEquals(0, wrong.get());
    }
  }

  private static void countWrongSums(Kernels k, Tensor x, double want, AtomicInteger wrong) {
    for (int i = 0; i < 5000; i++) {
      if (k.sumOfSquares(x) != want) {
        wrong.incrementAndGet();
      }
    }
  }

  @Test
  void idsAndSequencesOutsideTheirTensorsAreRefused() {
    try (Kernels k = new CpuKernels(1, Precision.FP32);
        Arena arena = new Arena(k, 1 << 20)) {
      Step step = new Step(k, arena);
      Tensor small = arena.take(DType.F32, 49, 4);
      Tensor y = arena.take(DType.F32, TOKENS, 4);
      assertThrows(IndexOutOfBoundsException.class, () -> k.gather(y, small, step.ids));
      assertThrows(IndexOutOfBoundsException.class, () -> k.gatherBackward(small, y, step.ids));
      Tensor qkv = arena.take(DType.F32, TOKENS, 12);
      Tensor lse = arena.take(DType.F32, TOKENS, 1);
      Tensor streams = step.ints(new int[] {0, 1, 2});
      for (int[] starts :
          new int[][] {
            {0, 200, 229, TOKENS - 1},
            {0, 200, 229, TOKENS + 1},
            {1, 200, 229, TOKENS},
            {-1, 198, 229, TOKENS},
            {0, 201, 229, TOKENS},
            {0, 200, 199, TOKENS}
          }) {
        Sequences wrong = new Sequences(step.ints(starts), streams, 200);
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> k.attention(y, lse, step.scratch, qkv, wrong, 1, 0, step.key),
            Arrays.toString(starts));
      }
    }
  }
}
