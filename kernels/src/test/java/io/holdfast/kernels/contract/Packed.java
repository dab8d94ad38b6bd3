package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** A packed batch of attention inputs: heads, head size and the length of each sequence. */
final class Packed {

  final int[] shape;
  final int heads;
  final int size;
  final int hidden;
  final int[] lengths;
  final int longest;
  final int tokens;

  Packed(int... shape) {
    this.shape = shape;
    this.heads = shape[0];
    this.size = shape[1];
    this.hidden = heads * size;
    this.lengths = Arrays.copyOfRange(shape, 2, shape.length);
    this.longest = Arrays.stream(lengths).max().orElse(0);
    this.tokens = Arrays.stream(lengths).sum();
  }

  Trial sequences(Trial trial) {
    return trial
        .ints("starts", lengths.length + 1, b -> Arrays.stream(lengths).limit(b).sum())
        .ints("streams", lengths.length, b -> 90 - b);
  }

  /** Enough for qkv. */
  double[] random(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[tokens * 3 * hidden];
    Arrays.setAll(values, i -> (float) random.nextGaussian());
    return values;
  }

  void attention(Kernels k, Tensors t, float p) {
    k.attention(
        t.get("ctx"),
        t.get("lse"),
        t.get("scratch"),
        t.get("qkv"),
        t.sequences(longest),
        heads,
        p,
        AttentionContract.MASKS);
  }

  void attentionBackward(Kernels k, Tensors t, float p) {
    k.attentionBackward(
        t.get("dqkv"),
        t.get("scratch"),
        t.get("dctx"),
        t.get("ctx"),
        t.get("lse"),
        t.get("qkv"),
        t.sequences(longest),
        heads,
        p,
        AttentionContract.MASKS);
  }

  /** ctx and lse by the definition. */
  Map<String, double[]> exactForward(double[] qkv, float p) {
    ReferenceKernels reference = new ReferenceKernels();
    Map<String, double[]> outputs = new HashMap<>();
    Trial trial =
        sequences(new Trial(reference, "exact forward", 0))
            .in("qkv", tokens, 3 * hidden, qkv)
            .out("ctx", tokens, hidden)
            .out("lse", tokens, heads);
    trial.onReference((k, t) -> attention(k, t, p), 0).forEach(outputs::put);
    return outputs;
  }

  void assertOnlyMiddleIsNan(float[] clean, float[] poisoned, int cols) {
    for (int i = 0; i < clean.length; i++) {
      int row = i / cols;
      boolean middle = row >= lengths[0] && row < lengths[0] + lengths[1];
      assertEquals(middle ? Float.NaN : clean[i], poisoned[i], "row " + row);
    }
  }
}
