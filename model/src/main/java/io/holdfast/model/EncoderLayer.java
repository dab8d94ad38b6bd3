package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;

/**
 * One post-LN Transformer block: self-attention, then the feed-forward net.
 *
 * <pre>
 * x [N,H]
 * ├─ linear ────────────── qkv [N,3H]  saved      three products as one
 * │  attention ─────────── ctx [N,H]   saved      softmax, dropout and product with v; lse [N,A] saved
 * │  linear ────────────── s1  [N,H]              output projection, in the buffer of s1
 * └─ dropoutAddLayerNorm ─ s1 = x + dropout(·)    saved, in place; mean1, rstd1 [N,1] saved
 *                          h   [N,H]   scratch    the backward normalises s1 again
 * ├─ linear ────────────── u   [N,F]   saved      without bias
 * │  biasGelu ──────────── g   [N,F]   scratch    the backward computes it again
 * │  linear ────────────── s2  [N,H]              in the buffer of s2
 * └─ dropoutAddLayerNorm ─ s2 = h + dropout(·)    saved, in place; mean2, rstd2 [N,1] saved
 * y [N,H]                              saved      as x of the next layer
 * </pre>
 *
 * Saved per token: 11 H + A + 4 numbers where F = 4 H; all are of the backend's real type.
 */
final class EncoderLayer {

  /** The layer's weights, or their gradients. */
  record Weights(
      Tensor qkv, // [3H,H]
      Tensor qkvBias, // [1,3H]
      Tensor out, // [H,H]
      Tensor outBias, // [1,H]
      Tensor gamma1, // [1,H]
      Tensor beta1, // [1,H]
      Tensor up, // [F,H]
      Tensor upBias, // [1,F]
      Tensor down, // [H,F]
      Tensor downBias, // [1,H]
      Tensor gamma2, // [1,H]
      Tensor beta2 // [1,H]
      ) {

    static Weights of(Parameters p, String prefix) {
      return new Weights(
          p.joined(prefix + "attention.self.query.weight", 3),
          p.joined(prefix + "attention.self.query.bias", 3),
          p.get(prefix + "attention.output.dense.weight"),
          p.get(prefix + "attention.output.dense.bias"),
          p.get(prefix + "attention.output.LayerNorm.weight"),
          p.get(prefix + "attention.output.LayerNorm.bias"),
          p.get(prefix + "intermediate.dense.weight"),
          p.get(prefix + "intermediate.dense.bias"),
          p.get(prefix + "output.dense.weight"),
          p.get(prefix + "output.dense.bias"),
          p.get(prefix + "output.LayerNorm.weight"),
          p.get(prefix + "output.LayerNorm.bias"));
    }
  }

  /** What the backward needs; shapes stand in the drawing above. */
  record Saved(
      Tensor x,
      Tensor qkv,
      Tensor ctx,
      Tensor lse,
      Tensor s1,
      Tensor mean1,
      Tensor rstd1,
      Tensor u,
      Tensor s2,
      Tensor mean2,
      Tensor rstd2) {

    private static Saved take(Pass pass, ModelConfig c, Tensor x) {
      int n = x.rows();
      int h = c.hiddenSize();
      return new Saved(
          x,
          pass.take(n, 3 * h),
          pass.take(n, h),
          pass.take(n, c.heads()),
          pass.take(n, h),
          pass.take(n, 1),
          pass.take(n, 1),
          pass.take(n, c.intermediateSize()),
          pass.take(n, h),
          pass.take(n, 1),
          pass.take(n, 1));
    }

    Saved prefix(int n) {
      return new Saved(
          x.rows(0, n),
          qkv.rows(0, n),
          ctx.rows(0, n),
          lse.rows(0, n),
          s1.rows(0, n),
          mean1.rows(0, n),
          rstd1.rows(0, n),
          u.rows(0, n),
          s2.rows(0, n),
          mean2.rows(0, n),
          rstd2.rows(0, n));
    }
  }

  private final ModelConfig config;
  private final int layer;
  private final String prefix;
  private final Weights w;

  EncoderLayer(ModelConfig config, int layer, Parameters weights) {
    this.config = config;
    this.layer = layer;
    this.prefix = ParameterLayout.prefix(config) + "encoder.layer." + layer + ".";
    this.w = Weights.of(weights, prefix);
  }

  /**
   * @param y [N,H] output; may be {@code x} where no backward follows
   * @param x [N,H]
   */
  Saved forward(Pass pass, DeviceBatch batch, Tensor y, Tensor x) {
    Saved s = Saved.take(pass, config, x);
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor h = pass.take(x.rows(), config.hiddenSize());
      forwardAttention(pass, batch, h, s);
      forwardFeedForward(pass, batch, y, h, s);
    }
    return s;
  }

  /** {@code h = layerNorm(x + dropout(attention(x)·outᵀ))}. */
  private void forwardAttention(Pass pass, DeviceBatch batch, Tensor h, Saved s) {
    Kernels k = pass.kernels();
    k.linear(s.qkv, s.x, w.qkv, w.qkvBias);
    try (Arena.Scope inner = pass.arena().open()) {
      k.attention(
          s.ctx,
          s.lse,
          attentionScratch(pass, batch),
          s.qkv,
          batch.sequences(),
          config.heads(),
          pass.dropout(config.attentionDropout()),
          pass.key(Sites.attentionDropout(layer)));
    }
    k.linear(s.s1, s.ctx, w.out, w.outBias);
    k.dropoutAddLayerNorm(
        h,
        s.s1,
        s.mean1,
        s.rstd1,
        s.s1,
        s.x,
        w.gamma1,
        w.beta1,
        config.layerNormEps(),
        pass.dropout(config.hiddenDropout()),
        pass.key(Sites.attentionOutputDropout(layer)),
        batch.tokenRows());
  }

  /** {@code y = layerNorm(h + dropout(gelu(h·upᵀ)·downᵀ))}. */
  private void forwardFeedForward(Pass pass, DeviceBatch batch, Tensor y, Tensor h, Saved s) {
    Kernels k = pass.kernels();
    k.linear(s.u, h, w.up, null);
    try (Arena.Scope inner = pass.arena().open()) {
      Tensor g = pass.take(h.rows(), config.intermediateSize());
      k.biasGelu(g, s.u, w.upBias);
      k.linear(s.s2, g, w.down, w.downBias);
    }
    k.dropoutAddLayerNorm(
        y,
        s.s2,
        s.mean2,
        s.rstd2,
        s.s2,
        h,
        w.gamma2,
        w.beta2,
        config.layerNormEps(),
        pass.dropout(config.hiddenDropout()),
        pass.key(Sites.feedForwardDropout(layer)),
        batch.tokenRows());
  }

  /** In place: {@code dy} becomes {@code dx}. Weight gradients add. */
  void backward(Pass pass, DeviceBatch batch, Saved s, Tensor dy, Parameters gradients) {
    Weights d = pass.weightGradients() ? Weights.of(gradients, prefix) : null;
    backwardFeedForward(pass, batch, s, dy, d);
    backwardAttention(pass, batch, s, dy, d);
  }

  /**
   * In place: {@code dy} becomes {@code dh}.
   *
   * <pre>
   * ds2 = layerNormBackward(dy)     do = dropout(ds2)
   * dDown += doᵀ·g                  dg = do·down
   * du  = dg ∘ gelu'(u + upBias)    dUp += duᵀ·h
   * dh  = ds2 + du·up
   * </pre>
   */
  private void backwardFeedForward(Pass pass, DeviceBatch batch, Saved s, Tensor dy, Weights d) {
    Kernels k = pass.kernels();
    int n = dy.rows();
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor dOut = pass.take(n, config.hiddenSize());
      Tensor du = pass.take(n, config.intermediateSize());
      k.dropoutAddLayerNormBackward(
          dOut,
          dy,
          d == null ? null : d.gamma2,
          d == null ? null : d.beta2,
          dy,
          s.s2,
          s.mean2,
          s.rstd2,
          w.gamma2,
          pass.dropout(config.hiddenDropout()),
          pass.key(Sites.feedForwardDropout(layer)),
          batch.tokenRows());
      k.linearBackwardInput(du, dOut, w.down, false);
      k.biasGeluBackward(du, du, s.u, w.upBias);
      if (d != null) {
        Tensor g = pass.take(n, config.intermediateSize());
        k.biasGelu(g, s.u, w.upBias);
        k.linearBackwardWeight(d.down, d.downBias, dOut, g);
        Tensor h = dOut; // its last use was the line above
        k.layerNorm(h, s.mean1, s.rstd1, s.s1, w.gamma1, w.beta1, config.layerNormEps());
        k.linearBackwardWeight(d.up, d.upBias, du, h);
      }
      k.linearBackwardInput(dy, du, w.up, true);
    }
  }

  /**
   * In place: {@code dh} becomes {@code dx}.
   *
   * <pre>
   * ds1 = layerNormBackward(dh)         do = dropout(ds1)
   * dOut += doᵀ·ctx                     dctx = do·out
   * dqkv = attentionBackward(dctx)      dQkv += dqkvᵀ·x
   * dx  = ds1 + dqkv·qkvWeight
   * </pre>
   */
  private void backwardAttention(Pass pass, DeviceBatch batch, Saved s, Tensor dh, Weights d) {
    Kernels k = pass.kernels();
    int n = dh.rows();
    int hidden = config.hiddenSize();
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor dOut = pass.take(n, hidden);
      Tensor dctx = pass.take(n, hidden);
      Tensor dqkv = pass.take(n, 3 * hidden);
      k.dropoutAddLayerNormBackward(
          dOut,
          dh,
          d == null ? null : d.gamma1,
          d == null ? null : d.beta1,
          dh,
          s.s1,
          s.mean1,
          s.rstd1,
          w.gamma1,
          pass.dropout(config.hiddenDropout()),
          pass.key(Sites.attentionOutputDropout(layer)),
          batch.tokenRows());
      k.linearBackwardInput(dctx, dOut, w.out, false);
      k.attentionBackward(
          dqkv,
          attentionScratch(pass, batch),
          dctx,
          s.ctx,
          s.lse,
          s.qkv,
          batch.sequences(),
          config.heads(),
          pass.dropout(config.attentionDropout()),
          pass.key(Sites.attentionDropout(layer)));
      if (d != null) {
        k.linearBackwardWeight(d.out, d.outBias, dOut, s.ctx);
        k.linearBackwardWeight(d.qkv, d.qkvBias, dqkv, s.x);
      }
      k.linearBackwardInput(dh, dqkv, w.qkv, true);
    }
  }

  private Tensor attentionScratch(Pass pass, DeviceBatch batch) {
    long elements =
        pass.kernels()
            .attentionScratch(batch.sequences().maxLength(), config.heads(), config.headSize());
    return pass.take(1, Math.toIntExact(elements));
  }
}
