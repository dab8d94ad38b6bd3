package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Key;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

interface AttentionContract extends Contract {

  Key MASKS = Key.of(11).at(2);

  /** Heads, head size, lengths. */
  int[][] ATTENTION_SHAPES = {
    {1, 1},
    {1, 1, 1},
    {2, 3, 2, 0, 1},
    {64, 1, 5, 2},
    {1, 64, 31},
    {3, 17, 32, 33},
    {12, 32, 33, 1},
    {4, 64, 7, 13, 31},
    {2, 8, 127},
    {1, 5, 200, 3},
    {1, 4, 520},
    {1, 4, 3, 300},
    {2, 80, 40, 65},
    {1, 128, 129}
  };

  /** Columns of the largest head that the backend is asked for. */
  default int largestHead() {
    return 128;
  }

  private List<int[]> shapes() {
    return Arrays.stream(ATTENTION_SHAPES).filter(shape -> shape[1] <= largestHead()).toList();
  }

  @Test
  default void attention() {
    for (int[] shape : shapes()) {
      for (float p : new float[] {0, 0.25f}) {
        Packed s = new Packed(shape);
        forward("attention at " + p, s, null).misaligned(p > 0).run((k, t) -> s.attention(k, t, p));
      }
    }
  }

  @Test
  default void attentionBackward() {
    for (int[] shape : shapes()) {
      for (float p : new float[] {0, 0.25f}) {
        Packed s = new Packed(shape);
        backward(s, p, s.random(1), s.random(2)).run((k, t) -> s.attentionBackward(k, t, p));
      }
    }
  }

  private Trial attentionTrial(String what, int... shape) {
    return productRoundoff() > hiddenRoundoff()
        ? productTrial(what, shape)
        : hiddenTrial(what, shape);
  }

  private Trial forward(String what, Packed s, double[] qkv) {
    double[] values = qkv == null ? s.random(1) : qkv;
    return s.sequences(attentionTrial(what, s.shape))
        .in("qkv", s.tokens, 3 * s.hidden, values)
        .scratch("scratch", kernels().attentionScratch(s.longest, s.heads, s.size))
        .out("ctx", s.tokens, s.hidden)
        .out("lse", s.tokens, s.heads)
        .hidden("qkv", "ctx");
  }

  private Trial backward(Packed s, float p, double[] qkv, double[] dctx) {
    Map<String, double[]> exact = s.exactForward(qkv, p);
    return s.sequences(attentionTrial("attentionBackward at " + p, s.shape))
        .misaligned(p > 0)
        .in("qkv", s.tokens, 3 * s.hidden, qkv)
        .in("dctx", s.tokens, s.hidden, Arrays.copyOf(dctx, s.tokens * s.hidden))
        .in("ctx", s.tokens, s.hidden, exact.get("ctx"))
        .in("lse", s.tokens, s.heads, exact.get("lse"))
        .scratch("scratch", kernels().attentionScratch(s.longest, s.heads, s.size))
        .out("dqkv", s.tokens, 3 * s.hidden)
        .hidden("qkv", "dctx", "ctx", "dqkv");
  }

  /** NaN in one sequence stays there; the others keep every bit. */
  @Test
  default void attentionDoesNotReadAcrossSequences() {
    Packed s = new Packed(2, 16, 9, 33, 5);
    double[] clean = s.random(1);
    double[] poisoned = clean.clone();
    Arrays.fill(poisoned, 9 * 3 * s.hidden, 42 * 3 * s.hidden, Double.NaN);
    for (float p : new float[] {0, 0.25f}) {
      Map<String, float[]> a = forward("clean", s, clean).onBackend((k, t) -> s.attention(k, t, p));
      Map<String, float[]> b =
          forward("poisoned", s, poisoned).onBackend((k, t) -> s.attention(k, t, p));
      s.assertOnlyMiddleIsNan(a.get("ctx"), b.get("ctx"), s.hidden);
      s.assertOnlyMiddleIsNan(a.get("lse"), b.get("lse"), s.heads);
      float[] c =
          backward(s, p, clean, s.random(2))
              .onBackend((k, t) -> s.attentionBackward(k, t, p))
              .get("dqkv");
      float[] d =
          backward(s, p, poisoned, s.random(2))
              .onBackend((k, t) -> s.attentionBackward(k, t, p))
              .get("dqkv");
      s.assertOnlyMiddleIsNan(c, d, 3 * s.hidden);
    }
  }

  /** Scores of ±1e4 and beyond: a softmax that picks one key, and no NaN. */
  @Test
  default void extremeScoresStayFinite() {
    Packed s = new Packed(2, 4, 33, 1);
    double[] qkv = s.random(1);
    Arrays.setAll(qkv, i -> i % (3 * s.hidden) < 2 * s.hidden ? 100 * Math.signum(qkv[i]) : qkv[i]);
    Map<String, float[]> got = forward("extreme", s, qkv).onBackend((k, t) -> s.attention(k, t, 0));
    float[] dqkv =
        backward(s, 0, qkv, s.random(2))
            .onBackend((k, t) -> s.attentionBackward(k, t, 0))
            .get("dqkv");
    for (float[] values : new float[][] {got.get("ctx"), got.get("lse"), dqkv}) {
      for (float value : values) {
        assertTrue(Float.isFinite(value), "" + value);
      }
    }
  }

  @Test
  default void noSequencesNeedNoScratch() {
    Packed s = new Packed(2, 3);
    s.sequences(trial("attention of nothing"))
        .in("qkv", 0, 3 * s.hidden)
        .in("dctx", 0, s.hidden)
        .out("ctx", 0, s.hidden)
        .out("lse", 0, s.heads)
        .out("dqkv", 0, 3 * s.hidden)
        .hidden("qkv", "dctx", "ctx", "dqkv")
        .run(
            (k, t) -> {
              s.attention(k, t, 0);
              s.attentionBackward(k, t, 0);
            });
  }

  /** With one key the context is the value, whatever the score. */
  @Test
  default void oneTokenAttendsToItself() {
    Packed s = new Packed(3, 5, 1, 1, 1);
    double[] qkv = new SplittableRandom(5).doubles(3L * 3 * s.hidden, -9, 9).toArray();
    float[] ctx = forward("one", s, qkv).onBackend((k, t) -> s.attention(k, t, 0)).get("ctx");
    for (int i = 0; i < ctx.length; i++) {
      int source = i / s.hidden * 3 * s.hidden + 2 * s.hidden + i % s.hidden;
      assertEquals((float) Rounding.to(kernels().hidden()).of(qkv[source]), ctx[i]);
    }
  }
}
