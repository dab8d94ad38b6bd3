package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;

/**
 * The second half of an encoder layer.
 *
 * <pre>
 * u = h·upᵀ                                                [N,F]
 * g = gelu(u + upBias)                                     [N,F]
 * s = h + dropout(g·downᵀ + downBias)                      [N,H]
 * y = layerNorm(s)                                         [N,H]
 * </pre>
 */
final class FeedForward {

  /** The layer's weights, or their gradients. */
  record Weights(
      Tensor up, // [F,H]
      Tensor upBias, // [1,F]
      Tensor down, // [H,F]
      Tensor downBias, // [1,H]
      Tensor gamma, // [1,H]
      Tensor beta // [1,H]
      ) {

    static Weights of(Parameters p, String prefix) {
      Parameters factors = p.factors();
      return new Weights(
          factors.get(prefix + "intermediate.dense.weight"),
          p.get(prefix + "intermediate.dense.bias"),
          factors.get(prefix + "output.dense.weight"),
          factors.get(prefix + "output.dense.bias"),
          p.get(prefix + "output.LayerNorm.weight"),
          p.get(prefix + "output.LayerNorm.bias"));
    }
  }

  /**
   * What the backward needs. g is computed again from u: little work for a quarter of the layer's
   * memory.
   *
   * @param mean [N,1]
   * @param rstd [N,1]
   */
  record Saved(Tensor u, Tensor s, Tensor mean, Tensor rstd) {

    static Saved take(Pass pass, ModelConfig c, int n) {
      return new Saved(
          pass.takeHidden(n, c.intermediateSize()),
          pass.takeHidden(n, c.hiddenSize()),
          pass.take(n, 1),
          pass.take(n, 1));
    }

    Saved prefix(int n) {
      return new Saved(u.rows(0, n), s.rows(0, n), mean.rows(0, n), rstd.rows(0, n));
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
  FeedForward(ModelConfig config, int layer, String prefix, Parameters weights) {
    this.config = config;
    this.layer = layer;
    this.prefix = prefix;
    this.w = Weights.of(weights, prefix);
  }

  /** Fills {@code s} and {@code y} [N,H] from {@code h} [N,H]. */
  void forward(Pass pass, DeviceBatch batch, Tensor y, Tensor h, Saved s) {
    Kernels k = pass.kernels();
    k.linear(s.u, h, w.up, null);
    try (Arena.Scope scope = pass.arena().open()) {
      Tensor g = pass.takeHidden(h.rows(), config.intermediateSize());
      k.biasGelu(g, s.u, w.upBias);
      k.linear(s.s, g, w.down, w.downBias);
    }
    k.dropoutAddLayerNorm(
        y,
        s.s,
        s.mean,
        s.rstd,
        s.s,
        h,
        w.gamma,
        w.beta,
        config.layerNormEps(),
        pass.dropout(config.hiddenDropout()),
        pass.key(Sites.feedForwardDropout(layer)),
        batch.tokenRows());
  }

  /**
   * In place: {@code dy} becomes {@code dh}. Weight gradients add.
   *
   * <pre>
   * ds = layerNormBackward(dy)           dOut = dropout(ds)
   * dDown += dOutᵀ·g                     dg = dOut·down
   * du = dg ∘ gelu'(u + upBias)          dUp += duᵀ·h
   * dh = ds + du·up
   * </pre>
   *
   * @param h the forward's; not read if the pass wants no weight gradients
   */
  void backward(Pass pass, DeviceBatch batch, Saved s, Tensor dy, Tensor h, Parameters gradients) {
    Kernels k = pass.kernels();
    Weights d = pass.weightGradients() ? Weights.of(gradients, prefix) : null;
    int n = dy.rows();
    try (Arena.Scope scope = pass.arena().open()) {
      Tensor dOut = pass.takeHidden(n, config.hiddenSize());
      Tensor du = pass.takeHidden(n, config.intermediateSize());
      k.dropoutAddLayerNormBackward(
          dOut,
          dy,
          d == null ? null : d.gamma,
          d == null ? null : d.beta,
          dy,
          s.s,
          s.mean,
          s.rstd,
          w.gamma,
          pass.dropout(config.hiddenDropout()),
          pass.key(Sites.feedForwardDropout(layer)),
          batch.tokenRows());
      k.linearBackwardInput(du, dOut, w.down, false);
      k.biasGeluBackward(du, du, s.u, w.upBias);
      if (d != null) {
        Tensor g = pass.takeHidden(n, config.intermediateSize());
        k.biasGelu(g, s.u, w.upBias);
        k.linearBackwardWeight(d.down, d.downBias, dOut, g);
        k.linearBackwardWeight(d.up, d.upBias, du, h);
      }
      k.linearBackwardInput(dy, du, w.up, true);
    }
  }
}
