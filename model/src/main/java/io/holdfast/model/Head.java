package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;

/**
 * From the hidden state of each sequence's first token to its logits.
 *
 * <pre>
 * f = hidden[firstTokens]                  [B,H]   RoBERTa: f = dropout(f)
 * t = tanh(f·denseᵀ + denseBias)           [B,H]
 * r = dropout(t)                           [B,H]
 * logits = r·projectionᵀ + bias            [B,C]
 * </pre>
 *
 * BERT calls {@code dense} the pooler and keeps it with the encoder; RoBERTa keeps both parts in
 * the classifier. fairseq's head is RoBERTa's with a head dropout of 0.
 */
final class Head {

  /** The head's weights, or their gradients. */
  record Weights(
      Tensor dense, // [H,H]
      Tensor denseBias, // [1,H]
      Tensor projection, // [C,H]
      Tensor projectionBias // [1,C]
      ) {

    static Weights of(Parameters p, ModelConfig config) {
      boolean bert = config.architecture() == ModelConfig.Architecture.BERT;
      String dense = bert ? "bert.pooler.dense" : "classifier.dense";
      String projection = bert ? "classifier" : "classifier.out_proj";
      return new Weights(
          p.get(dense + ".weight"),
          p.get(dense + ".bias"),
          p.get(projection + ".weight"),
          p.get(projection + ".bias"));
    }
  }

  /** What the backward needs: f after its dropout, t and r, all [B,H]. */
  record Saved(Tensor f, Tensor t, Tensor r) {

    Saved prefix(int sequences) {
      return new Saved(f.rows(0, sequences), t.rows(0, sequences), r.rows(0, sequences));
    }
  }

  private final ModelConfig config;
  private final Weights w;

  Head(ModelConfig config, Parameters weights) {
    this.config = config;
    this.w = Weights.of(weights, config);
  }

  private float inputDropout(Pass pass) {
    return config.architecture() == ModelConfig.Architecture.ROBERTA
        ? pass.dropout(config.classifierDropout())
        : 0f;
  }

  /**
   * @param logits [B,C] output
   * @param hidden [N,H]
   */
  Saved forward(Pass pass, DeviceBatch batch, Tensor logits, Tensor hidden) {
    Kernels k = pass.kernels();
    int b = batch.sequenceCount();
    int h = config.hiddenSize();
    Saved s = new Saved(pass.take(b, h), pass.take(b, h), pass.take(b, h));
    k.gather(s.f, hidden, batch.firstTokens());
    float p = inputDropout(pass);
    if (p > 0) {
      k.dropout(s.f, s.f, p, pass.key(Sites.HEAD_INPUT_DROPOUT), batch.sequenceRows());
    }
    k.linear(s.t, s.f, w.dense, w.denseBias);
    k.tanh(s.t, s.t);
    k.dropout(
        s.r,
        s.t,
        pass.dropout(config.classifierDropout()),
        pass.key(Sites.HEAD_DROPOUT),
        batch.sequenceRows());
    k.linear(logits, s.r, w.projection, w.projectionBias);
    return s;
  }

  /**
   * Overwrites {@code dHidden}; all its rows but those of first tokens become 0.
   *
   * <pre>
   * dProjection += dLogitsᵀ·r             dr = dLogits·projection
   * dz = dropout(dr) ∘ (1 − t²)
   * dDense += dzᵀ·f                       df = dz·dense      RoBERTa: df = dropout(df)
   * dHidden = 0, dHidden[firstTokens] += df
   * </pre>
   */
  void backward(
      Pass pass, DeviceBatch batch, Saved s, Tensor dHidden, Tensor dLogits, Parameters gradients) {
    Kernels k = pass.kernels();
    int b = batch.sequenceCount();
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor dz = pass.take(b, config.hiddenSize());
      Tensor df = pass.take(b, config.hiddenSize());
      k.linearBackwardInput(dz, dLogits, w.projection, false);
      k.dropout(
          dz,
          dz,
          pass.dropout(config.classifierDropout()),
          pass.key(Sites.HEAD_DROPOUT),
          batch.sequenceRows());
      k.tanhBackward(dz, dz, s.t);
      if (pass.weightGradients()) {
        Weights d = Weights.of(gradients, config);
        k.linearBackwardWeight(d.projection, d.projectionBias, dLogits, s.r);
        k.linearBackwardWeight(d.dense, d.denseBias, dz, s.f);
      }
      k.linearBackwardInput(df, dz, w.dense, false);
      float p = inputDropout(pass);
      if (p > 0) {
        k.dropout(df, df, p, pass.key(Sites.HEAD_INPUT_DROPOUT), batch.sequenceRows());
      }
      k.zero(dHidden);
      k.gatherBackward(dHidden, df, batch.firstTokens());
    }
  }
}
