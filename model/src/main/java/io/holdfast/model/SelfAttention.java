package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;

/**
 * The first half of an encoder layer.
 *
 * <pre>
 * qkv = x·qkvWeightᵀ + qkvBias                             [N,3H]  three products as one
 * ctx = attention(qkv)                                     [N,H]
 * s   = x + dropout(ctx·outᵀ + outBias)                    [N,H]
 * h   = layerNorm(s)                                       [N,H]
 * </pre>
 */
final class SelfAttention {

  /** The layer's weights, or their gradients. */
  record Weights(
      Tensor qkv, // [3H,H]
      Tensor qkvBias, // [1,3H]
      Tensor out, // [H,H]
      Tensor outBias, // [1,H]
      Tensor gamma, // [1,H]
      Tensor beta // [1,H]
      ) {

    static Weights of(Parameters p, String prefix) {
      Parameters factors = p.factors();
      return new Weights(
          factors.joined(prefix + "self.query.weight", 3),
          factors.joined(prefix + "self.query.bias", 3),
          factors.get(prefix + "output.dense.weight"),
          factors.get(prefix + "output.dense.bias"),
          p.get(prefix + "output.LayerNorm.weight"),
          p.get(prefix + "output.LayerNorm.bias"));
    }
  }

  /**
   * What the backward needs. The output h is not among it: {@link #normalise} makes it again.
   *
   * @param lse [N,A], of the softmax
   * @param mean [N,1]
   * @param rstd [N,1]
   */
  record Saved(Tensor x, Tensor qkv, Tensor ctx, Tensor lse, Tensor s, Tensor mean, Tensor rstd) {

    static Saved take(Pass pass, ModelConfig c, Tensor x) {
      int n = x.rows();
      int h = c.hiddenSize();
      return new Saved(
          x,
          pass.takeHidden(n, 3 * h),
          pass.takeHidden(n, h),
          pass.take(n, c.heads()),
          pass.takeHidden(n, h),
          pass.take(n, 1),
          pass.take(n, 1));
    }

    Saved prefix(int n) {
      return new Saved(
          x.rows(0, n),
          qkv.rows(0, n),
          ctx.rows(0, n),
          lse.rows(0, n),
          s.rows(0, n),
          mean.rows(0, n),
          rstd.rows(0, n));
    }
  }

  private final ModelConfig config;
  private final int layer;
  private final String prefix;
  private final Weights w;

  /**
   * @param layer counts from 0
   * @param prefix of the names of its weights
   */
  SelfAttention(ModelConfig config, int layer, String prefix, Parameters weights) {
    this.config = config;
    this.layer = layer;
    this.prefix = prefix;
    this.w = Weights.of(weights, prefix);
  }

  /** Fills {@code s} and {@code h} [N,H]. */
  void forward(Pass pass, DeviceBatch batch, Tensor h, Saved s) {
    Kernels k = pass.kernels();
    k.linear(s.qkv, s.x, w.qkv, w.qkvBias);
    try (Arena.Scope scope = pass.arena().open()) {
      k.attention(
          s.ctx,
          s.lse,
          scratch(pass, batch),
          s.qkv,
          batch.sequences(),
          config.heads(),
          pass.dropout(config.attentionDropout()),
          pass.key(Sites.attentionDropout(layer)));
    }
    k.linear(s.s, s.ctx, w.out, w.outBias);
    k.dropoutAddLayerNorm(
        h,
        s.s,
        s.mean,
        s.rstd,
        s.s,
        s.x,
        w.gamma,
        w.beta,
        config.layerNormEps(),
        pass.dropout(config.hiddenDropout()),
        pass.key(Sites.attentionOutputDropout(layer)),
        batch.tokenRows());
  }

  /** {@code h = layerNorm(s)}, as the forward left it. */
  void normalise(Pass pass, Tensor h, Saved s) {
    pass.kernels().layerNorm(h, s.mean, s.rstd, s.s, w.gamma, w.beta, config.layerNormEps());
  }

  /**
   * In place: {@code dh} becomes {@code dx}. Weight gradients add.
   *
   * <pre>
   * ds   = layerNormBackward(dh)         dOut = dropout(ds)
   * dOutWeight += dOutᵀ·ctx              dctx = dOut·outWeight
   * dqkv = attentionBackward(dctx)       dQkvWeight += dqkvᵀ·x
   * dx   = ds + dqkv·qkvWeight
   * </pre>
   */
  void backward(Pass pass, DeviceBatch batch, Saved s, Tensor dh, Parameters gradients) {
    Kernels k = pass.kernels();
    Weights d = pass.weightGradients() ? Weights.of(gradients, prefix) : null;
    int n = dh.rows();
    int hidden = config.hiddenSize();
    try (Arena.Scope scope = pass.arena().open()) {
      Tensor dOut = pass.takeHidden(n, hidden);
      Tensor dctx = pass.takeHidden(n, hidden);
      Tensor dqkv = pass.takeHidden(n, 3 * hidden);
      k.dropoutAddLayerNormBackward(
          dOut,
          dh,
          d == null ? null : d.gamma,
          d == null ? null : d.beta,
          dh,
          s.s,
          s.mean,
          s.rstd,
          w.gamma,
          pass.dropout(config.hiddenDropout()),
          pass.key(Sites.attentionOutputDropout(layer)),
          batch.tokenRows());
      k.linearBackwardInput(dctx, dOut, w.out, false);
      k.attentionBackward(
          dqkv,
          scratch(pass, batch),
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

  private Tensor scratch(Pass pass, DeviceBatch batch) {
    int longest = batch.sequences().maxLength();
    long elements = pass.kernels().attentionScratch(longest, config.heads(), config.headSize());
    return pass.take(1, Math.toIntExact(elements));
  }
}
