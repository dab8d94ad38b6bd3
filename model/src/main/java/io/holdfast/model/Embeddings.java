package io.holdfast.model;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;

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
   */
  record Saved(Tensor s, Tensor mean, Tensor rstd) {

    Saved prefix(int n) {
      return new Saved(s.rows(0, n), mean.rows(0, n), rstd.rows(0, n));
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
   * @param y [N,H] output
   * @param e [N,H] word embeddings, not changed
   */
  Saved forward(Pass pass, DeviceBatch batch, Tensor y, Tensor e) {
    Kernels k = pass.kernels();
    int n = batch.tokenCount();
    Saved saved = new Saved(pass.take(n, config.hiddenSize()), pass.take(n, 1), pass.take(n, 1));
    k.embeddingSum(saved.s, e, w.positions, batch.positions(), w.types, batch.types());
    k.layerNorm(y, saved.mean, saved.rstd, saved.s, w.gamma, w.beta, config.layerNormEps());
    float p = pass.dropout(config.hiddenDropout());
    if (p > 0) {
      k.dropout(y, y, p, pass.key(Sites.EMBEDDING_DROPOUT), batch.tokenRows());
    }
    return saved;
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
      k.gatherBackward(d.positions, dy, batch.positions());
      k.gatherBackward(d.types, dy, batch.types());
    } else {
      k.layerNormBackward(dy, null, null, dy, saved.s, saved.mean, saved.rstd, w.gamma);
    }
  }
}
