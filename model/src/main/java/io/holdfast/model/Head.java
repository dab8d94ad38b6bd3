package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import java.util.List;

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
 * From f on all is of the backend's real type. {@code dense} and {@code projection} are the
 * weights, or what a {@link SpectralNorm} makes of them. BERT calls {@code dense} the pooler and
 * keeps it with the encoder; RoBERTa keeps both parts in the classifier. fairseq's head is
 * RoBERTa's with a head dropout of 0.
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
      String dense = matrices(config).get(0);
      String projection = matrices(config).get(1);
      return new Weights(
          p.get(dense), p.get(bias(dense)), p.get(projection), p.get(bias(projection)));
    }

    private static String bias(String matrix) {
      return matrix.replaceFirst("weight$", "bias");
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
  private SpectralNorm norm = SpectralNorm.NONE;

  Head(ModelConfig config, Parameters weights) {
    this.config = config;
    this.w = Weights.of(weights, config);
  }

  /** Names of the dense matrix and of the projection. */
  static List<String> matrices(ModelConfig config) {
    return config.architecture() == ModelConfig.Architecture.BERT
        ? List.of("bert.pooler.dense.weight", "classifier.weight")
        : List.of("classifier.dense.weight", "classifier.out_proj.weight");
  }

  void normalise(SpectralNorm by) {
    norm = by;
  }

  /** The weights become what the head computes with; nothing normalises them any more. */
  void fold(Kernels k) {
    norm.fold(k);
    norm = SpectralNorm.NONE;
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
    gather(pass, s.f, hidden, batch.firstTokens());
    float p = inputDropout(pass);
    if (p > 0) {
      k.dropout(s.f, s.f, p, pass.key(Sites.HEAD_INPUT_DROPOUT), batch.sequenceRows());
    }
    norm.iterate(k, 0); // the weights may have moved
    k.linear(s.t, s.f, norm.effective(w.dense), w.denseBias);
    k.tanh(s.t, s.t);
    k.dropout(
        s.r,
        s.t,
        pass.dropout(config.classifierDropout()),
        pass.key(Sites.HEAD_DROPOUT),
        batch.sequenceRows());
    k.linear(logits, s.r, norm.effective(w.projection), w.projectionBias);
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
      k.linearBackwardInput(dz, dLogits, norm.effective(w.projection), false);
      k.dropout(
          dz,
          dz,
          pass.dropout(config.classifierDropout()),
          pass.key(Sites.HEAD_DROPOUT),
          batch.sequenceRows());
      k.tanhBackward(dz, dz, s.t);
      if (pass.weightGradients()) {
        Weights d = Weights.of(gradients, config);
        norm.linearBackwardWeight(pass, w.projection, d.projection, d.projectionBias, dLogits, s.r);
        norm.linearBackwardWeight(pass, w.dense, d.dense, d.denseBias, dz, s.f);
      }
      k.linearBackwardInput(df, dz, norm.effective(w.dense), false);
      float p = inputDropout(pass);
      if (p > 0) {
        k.dropout(df, df, p, pass.key(Sites.HEAD_INPUT_DROPOUT), batch.sequenceRows());
      }
      k.zero(dHidden);
      if (dHidden.dtype() == k.real()) {
        k.gatherBackward(dHidden, df, batch.firstTokens());
      } else {
        Tensor rounded = pass.takeHidden(b, config.hiddenSize());
        k.convert(rounded, df);
        k.gatherBackward(dHidden, rounded, batch.firstTokens());
      }
    }
  }

  /** {@code f[b] = hidden[rows[b]]}. */
  private static void gather(Pass pass, Tensor f, Tensor hidden, Tensor rows) {
    Kernels k = pass.kernels();
    if (hidden.dtype() == k.real()) {
      k.gather(f, hidden, rows);
      return;
    }
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor states = pass.takeHidden(f.rows(), f.cols());
      k.gather(states, hidden, rows);
      k.convert(f, states);
    }
  }
}
