package io.holdfast.engine.criteria;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.Activations;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;

/**
 * R-Drop (Liang et al., "R-Drop: Regularized Dropout for Neural Networks", NeurIPS 2021): two
 * branches that differ by their dropout masks alone.
 *
 * <pre>
 * p₁ = softmax(f(x)),  p₂ = softmax(f(x))                  with independent masks
 * loss = 1/2 · [CE(p₁, y) + CE(p₂, y)] + alpha/2 · [KL(p₁‖p₂) + KL(p₂‖p₁)]
 * </pre>
 *
 * <p>Follows the README of the paper's code (dropreg/R-Drop), with the mean over examples in every
 * term; nothing is detached. The paper adds the two cross-entropies without the 1/2: its alpha is
 * twice this one. Both branches are one packed batch of 2N tokens: one forward, one backward.
 * Without dropout the branches are the same and the loss is that of {@link CrossEntropy}, up to the
 * order of sums. Values instead of classes, which the paper leaves open: {@code 1/2 · [(z₁ − y)² +
 * (z₂ − y)²] + alpha · (z₁ − z₂)²}, the squared difference in the place of the mean of the two KLs,
 * as in both of the public models.
 *
 * <p>The public models differ from that and from each other. BERT's adds the two cross-entropies as
 * the paper does. RoBERTa's adds half of the first alone: the second is never reached. Both sum the
 * KLs over the batch beside a mean of cross-entropies, so that their weight grows with the batch,
 * fix it in the source (0.5 and 0.7; 1.0 and 0.8 for values), and the second runs both branches in
 * evaluation too. The fairseq example adds both cross-entropies, without the 1/2, and does not run
 * as it stands.
 */
public final class RDrop implements Criterion {

  private final RDropOptions options;

  public RDrop(RDropOptions options) {
    this.options = options;
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    Kernels k = pass.kernels();
    int b = batch.sequences();
    try (Arena.Scope scope = pass.arena().open()) {
      DeviceBatch both =
          DeviceBatch.upload(k, pass.arena(), model.config(), batch.repeat(2, false));
      Activations a = model.forward(pass, both, model.embedWords(pass, both));

      Tensor supervised = pass.take(2 * b, 1);
      Tensor consistency = pass.take(b, 1);
      Tensor dLogits = pass.take(2 * b, model.config().outputs());
      SupervisedLoss.compute(k, supervised, dLogits, a.logits(), both, scale / 2);
      Tensor first = a.logits().rows(0, b);
      Tensor second = a.logits().rows(b, 2 * b);
      Tensor d1 = dLogits.rows(0, b);
      Tensor d2 = dLogits.rows(b, 2 * b);
      float weight = (float) (weight(both) * scale);
      ConsistencyLoss.add(pass, both, consistency, d1, d2, first, second, weight);

      model.backwardToWeights(pass, both, a, dLogits, both, gradients);
      double mean = SupervisedLoss.sum(k, supervised) / 2;
      double distance = SupervisedLoss.sum(k, consistency);
      return ConsistencyLoss.report(both.prefix(b), mean, weight(both), distance);
    }
  }

  /** Of the two KLs together, or of the squared difference. */
  private double weight(DeviceBatch batch) {
    return SupervisedLoss.isRegression(batch) ? options.rDropAlpha() : options.rDropAlpha() / 2;
  }
}
