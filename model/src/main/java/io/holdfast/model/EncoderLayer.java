package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Tensor;

/**
 * One post-LN Transformer block: {@link SelfAttention}, then {@link FeedForward}. Kernels and
 * buffers in order:
 *
 * <pre>
 * x [N,H]                                        saved by the layer below, as its y
 * ├─ linear ────────────── qkv [N,3H]            saved
 * │  attention ─────────── ctx [N,H], lse [N,A]  saved    softmax, dropout and product with v in one
 * │  linear ────────────── s1  [N,H]                      output projection, into the buffer of s1
 * ├─ dropoutAddLayerNorm ─ s1  [N,H]             saved    s1 = x + dropout(s1), in place
 * │                        mean, rstd [N,1]      saved
 * h [N,H]                                        scratch  the backward normalises s1 again
 * ├─ linear ────────────── u   [N,F]             saved    without its bias
 * │  biasGelu ──────────── g   [N,F]             scratch  the backward computes it again
 * │  linear ────────────── s2  [N,H]                      output projection, into the buffer of s2
 * ├─ dropoutAddLayerNorm ─ s2  [N,H]             saved    s2 = h + dropout(s2), in place
 * │                        mean, rstd [N,1]      saved
 * y [N,H]                                        saved    as x of the layer above
 * </pre>
 *
 * Those of H, 3H and F columns are hidden states, the others of the backend's real type. Saved per
 * token: 11 H + A + 4 numbers where F = 4 H.
 */
final class EncoderLayer {

  /** What the backward needs. */
  record Saved(SelfAttention.Saved attention, FeedForward.Saved feedForward) {

    Saved prefix(int n) {
      return new Saved(attention.prefix(n), feedForward.prefix(n));
    }
  }

  private final ModelConfig config;
  private final SelfAttention attention;
  private final FeedForward feedForward;

  /**
   * @param layer counts from 0
   */
  EncoderLayer(ModelConfig config, int layer, Parameters weights) {
    String prefix = ParameterLayout.prefix(config) + "encoder.layer." + layer + ".";
    this.config = config;
    this.attention = new SelfAttention(config, layer, prefix + "attention.", weights);
    this.feedForward = new FeedForward(config, layer, prefix, weights);
  }

  /**
   * @param y [N,H] output; may be {@code x} where no backward follows
   * @param x [N,H]
   */
  Saved forward(Pass pass, DeviceBatch batch, Tensor y, Tensor x) {
    Saved saved =
        new Saved(
            SelfAttention.Saved.take(pass, config, x),
            FeedForward.Saved.take(pass, config, x.rows()));
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor h = pass.takeHidden(x.rows(), config.hiddenSize());
      attention.forward(pass, batch, h, saved.attention);
      feedForward.forward(pass, batch, y, h, saved.feedForward);
    }
    return saved;
  }

  /** In place: {@code dy} becomes {@code dx}. Weight gradients add. */
  void backward(Pass pass, DeviceBatch batch, Saved saved, Tensor dy, Parameters gradients) {
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor h = null;
      if (pass.weightGradients()) {
        h = pass.takeHidden(dy.rows(), config.hiddenSize());
        attention.normalise(pass, h, saved.attention);
      }
      feedForward.backward(pass, batch, saved.feedForward, dy, h, gradients);
    }
    attention.backward(pass, batch, saved.attention, dy, gradients);
  }
}
