package io.holdfast.engine.criteria;

import io.holdfast.model.HiddenNoise;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;

/**
 * HyPe (Yuan et al., "HyPe: Better Pre-trained Language Model Fine-tuning with Hidden
 * Representation Perturbation", ACL 2023): noise at the input of every encoder layer.
 *
 * <pre>
 * x_0 = embeddings(x)                x_l = layer_l(x_{l−1} + z_l),    z_l ~ N(0, eps²)  or  U(−eps, eps)
 * loss = CE(head(x_L), y)
 * </pre>
 *
 * <p>Follows the public code (Yuanhy1997/HyPe), which does what the paper's abstract says: a draw
 * for each layer, training alone, no other term; the noise joins the embeddings after their
 * LayerNorm and dropout. One forward, one backward, no memory of its own. Deviations: its command
 * draws uniform noise, here the default is normal; its uniform noise is U(0, eps), a shift as well
 * as noise, here it is symmetric; its README runs it without hidden dropout, which here is {@code
 * --hidden-dropout-prob 0}; its options for some layers alone and for noise between attention and
 * feed-forward are not offered. With {@code eps = 0} it is {@link CrossEntropy} to the bit.
 */
public final class Hype implements Criterion {

  private final HypeOptions options;
  private final CrossEntropy plain = new CrossEntropy();

  public Hype(HypeOptions options) {
    this.options = options;
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    float eps = (float) options.hypeEps();
    Pass noised =
        eps == 0 ? pass : pass.withHiddenNoise(new HiddenNoise(options.hypeNoiseType(), eps));
    return plain.accumulate(model, noised, batch, scale, gradients);
  }
}
