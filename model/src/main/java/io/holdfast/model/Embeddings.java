package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import java.util.Arrays;

/**
 * From word embeddings to the encoder's input. The lookup of words is not part of it: see {@link
 * SequenceClassifier#embedWords}.
 *
 * <pre>
 * s = e + positionTable[positions] + typeTable[types]      [N,H]
 * y = dropout(layerNorm(s))                                [N,H]
 * </pre>
 */
final class Embeddings {

  /** The layer's weights, or their gradients. */
  record Weights(Tensor positions, Tensor types, Tensor gamma, Tensor beta) {

    static Weights of(Parameters p, String prefix) {
      return new Weights(
          p.get(prefix + "position_embeddings.weight"),
          p.get(prefix + "token_type_embeddings.weight"),
          p.get(prefix + "LayerNorm.weight"),
          p.get(prefix + "LayerNorm.bias"));
    }
  }

  /**
   * What the backward needs.
   *
   * @param s [N,H] input of the LayerNorm
   * @param mean [N,1]
   * @param rstd [N,1]
   * @param ofTables false: s was given, and the tables have no part in it
   */
  record Saved(Tensor s, Tensor mean, Tensor rstd, boolean ofTables) {

    static Saved of(Pass pass, Tensor s, boolean ofTables) {
      return new Saved(s, pass.take(s.rows(), 1), pass.take(s.rows(), 1), ofTables);
    }

    Saved prefix(int n) {
      return new Saved(s.rows(0, n), mean.rows(0, n), rstd.rows(0, n), ofTables);
    }
  }

  private final ModelConfig config;
  private final String prefix;
  private final Weights w;

  Embeddings(ModelConfig config, Parameters weights) {
    this.config = config;
    this.prefix = ParameterLayout.prefix(config) + "embeddings.";
    this.w = Weights.of(weights, prefix);
  }

  /**
   * @param y [N,H] output, a hidden state
   * @param e [N,H] word embeddings, not changed
   */
  Saved forward(Pass pass, DeviceBatch batch, Tensor y, Tensor e) {
    Saved saved = Saved.of(pass, pass.take(batch.tokenCount(), config.hiddenSize()), true);
    pass.kernels().embeddingSum(saved.s, e, w.positions, batch.positions(), w.types, batch.types());
    finish(pass, batch, y, saved);
    return saved;
  }

  /** {@link #forward} from a given {@code s} [N,H], which the backward reads again. */
  Saved forwardSum(Pass pass, DeviceBatch batch, Tensor y, Tensor s) {
    Saved saved = Saved.of(pass, s, false);
    finish(pass, batch, y, saved);
    return saved;
  }

  /** {@code y = dropout(layerNorm(s))}. */
  private void finish(Pass pass, DeviceBatch batch, Tensor y, Saved saved) {
    Kernels k = pass.kernels();
    try (Arena.Scope scratch = pass.arena().open()) {
      boolean converts = y.dtype() != k.real();
      Tensor t = converts ? pass.take(y.rows(), y.cols()) : y;
      k.layerNorm(t, saved.mean, saved.rstd, saved.s, w.gamma, w.beta, config.layerNormEps());
      float p = pass.dropout(config.hiddenDropout());
      if (p > 0) {
        k.dropout(t, t, p, pass.key(Sites.EMBEDDING_DROPOUT), batch.tokenRows());
      }
      if (converts) {
        k.convert(y, t);
      }
    }
  }

  /** {@code n = (s − mean) · rstd} [N,H] of a forward's s, without the LayerNorm's weights. */
  void normalise(Pass pass, Tensor n, Saved saved) {
    Kernels k = pass.kernels();
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor gamma = pass.take(1, n.cols());
      Tensor beta = pass.take(1, n.cols());
      float[] ones = new float[n.cols()];
      Arrays.fill(ones, 1f);
      k.upload(gamma, ones, 0);
      k.zero(beta);
      Tensor mean = pass.take(n.rows(), 1);
      Tensor rstd = pass.take(n.rows(), 1);
      k.layerNorm(n, mean, rstd, saved.s, gamma, beta, config.layerNormEps());
    }
  }

  /**
   * In place: {@code dy} becomes {@code de}, which is {@code ds}.
   *
   * <pre>
   * ds = layerNormBackward(dropout(dy))
   * dPositionTable[positions] += ds     dTypeTable[types] += ds
   * </pre>
   */
  void backward(Pass pass, DeviceBatch batch, Saved saved, Tensor dy, Parameters gradients) {
    Kernels k = pass.kernels();
    float p = pass.dropout(config.hiddenDropout());
    if (p > 0) {
      k.dropout(dy, dy, p, pass.key(Sites.EMBEDDING_DROPOUT), batch.tokenRows());
    }
    if (pass.weightGradients()) {
      Weights d = Weights.of(gradients, prefix);
      k.layerNormBackward(dy, d.gamma, d.beta, dy, saved.s, saved.mean, saved.rstd, w.gamma);
      if (saved.ofTables) {
        k.gatherBackward(d.positions, dy, batch.positions());
        k.gatherBackward(d.types, dy, batch.types());
      }
    } else {
      k.layerNormBackward(dy, null, null, dy, saved.s, saved.mean, saved.rstd, w.gamma);
    }
  }
}
