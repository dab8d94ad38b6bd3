package io.holdfast.engine.criteria;

import io.holdfast.engine.criteria.R3fOptions.Compat;
import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.criteria.R3fOptions.StopGrad;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.Activations;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.Sites;

/**
 * R3F (Aghajanyan et al., "Better Fine-Tuning by Reducing Representational Collapse", ICLR 2021).
 *
 * <pre>
 * e = words(x)                                z ~ U(−eps, eps)  or  N(0, eps²)
 * p = softmax(f(e))                           q = softmax(f(stop(e) + z))
 * loss = CE(p, y) + lambda · [KL(p‖q) + KL(q‖p)]
 * </pre>
 *
 * <p>Follows the paper: the noise joins the word lookup in fp32, before positions, LayerNorm and
 * dropout; the mean is over examples; nothing is detached but the word embeddings of the noised
 * branch. Clean and noised are one packed batch of 2N tokens: one forward, one backward. Values
 * instead of classes: the consistency term is the squared difference {@code (z − z̃)²} of the two
 * outputs.
 *
 * <p>Deviations by choice. {@link Masks#SHARED}: both branches draw the same dropout masks. {@link
 * StopGrad#NOISY}: q is a constant, so the backward runs over the clean half alone (the paper's
 * count of two forwards and one backward). {@link Compat#FAIRSEQ}: what the public
 * facebookresearch/fairseq code does on RoBERTa, where the noised tensor is lost before the
 * encoder: no noise, the branches differ by dropout alone, the word table is trained through both,
 * and regression has no consistency term. With {@code lambda = 0} there is no second branch:
 * gradients are those of {@link CrossEntropy} to the bit.
 */
public final class R3f implements Criterion {

  private final R3fOptions options;
  private final CrossEntropy plain = new CrossEntropy();

  public R3f(R3fOptions options) {
    this.options = options;
  }

  @Override
  public boolean addsNoise() {
    return options.r3fLambda() > 0;
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    boolean fairseq = options.r3fCompat() == Compat.FAIRSEQ;
    if (options.r3fLambda() == 0 || (fairseq && batch.labels() == null)) {
      return plain.accumulate(model, pass, batch, scale, gradients);
    }
    Kernels k = pass.kernels();
    int b = batch.sequences();
    int n = batch.tokenCount();
    try (Arena.Scope scope = pass.arena().open()) {
      PackedBatch twice = batch.repeat(2, options.r3fDropout() == Masks.SHARED);
      DeviceBatch both = DeviceBatch.upload(k, pass.arena(), model.config(), twice);
      DeviceBatch clean = both.prefix(b);

      Tensor e = model.embedWords(pass, both); // [2N,H]
      if (!fairseq) {
        Tensor noised = e.rows(n, 2 * n);
        k.addNoise(
            noised,
            noised,
            options.noiseType(),
            (float) options.eps(),
            pass.key(Sites.EMBEDDING_NOISE),
            clean.tokenRows());
      }
      Activations a = model.forward(pass, both, e);
      Losses losses = losses(pass, a.logits(), clean, scale); // d/d logits of both halves

      boolean noisyIsConstant = options.r3fStopGrad() == StopGrad.NOISY;
      DeviceBatch differentiated = noisyIsConstant ? clean : both;
      Tensor dLogits = losses.dLogits.rows(0, differentiated.sequenceCount());
      DeviceBatch trainsWords = fairseq ? differentiated : clean;
      model.backwardToWeights(pass, differentiated, a, dLogits, trainsWords, gradients);

      return losses.report(k, clean, options.r3fLambda());
    }
  }

  /**
   * Both terms for each example and their gradients.
   *
   * @param logits [2B,C] clean above noised
   */
  private Losses losses(Pass pass, Tensor logits, DeviceBatch clean, float scale) {
    Kernels k = pass.kernels();
    int b = clean.sequenceCount();
    float weight = (float) (options.r3fLambda() * scale);
    Tensor supervised = pass.take(b, 1);
    Tensor consistency = pass.take(b, 1);
    Tensor dLogits = pass.take(2 * b, logits.cols());
    Tensor p = logits.rows(0, b);
    Tensor q = logits.rows(b, 2 * b);
    Tensor dP = dLogits.rows(0, b);
    Tensor dQ = dLogits.rows(b, 2 * b);
    SupervisedLoss.compute(k, supervised, dP, p, clean, scale);
    k.zero(dQ);
    ConsistencyLoss.add(pass, clean, consistency, dP, dQ, p, q, weight);
    return new Losses(supervised, consistency, dLogits);
  }

  /** Columns [B,1] of both terms, and [2B,C] of gradients. */
  private record Losses(Tensor supervised, Tensor consistency, Tensor dLogits) {

    LossReport report(Kernels k, DeviceBatch clean, double lambda) {
      double first = SupervisedLoss.sum(k, supervised);
      double second = SupervisedLoss.sum(k, consistency);
      return ConsistencyLoss.report(clean, first, lambda, second);
    }
  }
}
