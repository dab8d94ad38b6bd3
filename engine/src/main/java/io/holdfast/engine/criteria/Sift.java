package io.holdfast.engine.criteria;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.Activations;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.Sites;

/**
 * SiFT, scale-invariant fine-tuning (He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled
 * Attention", ICLR 2021): virtual adversarial training on normalised embeddings, so that the size
 * of a perturbation means the same for every word and every model.
 *
 * <pre>
 * s = words(x) + positions + types          n = (s − mean(s)) / std(s)        each token
 * p = softmax(f(s))                         delta ~ N(0, init²) cut to ±2·init
 * g = d/d(delta) Σ p · (−ln q),             q = softmax(f(n + delta)),  p constant
 * delta += step · g / (‖g‖∞ + 1e-6)         ‖·‖∞ over each token
 * loss = CE(p, y) + lambda · [KL(p‖q) + KL(q‖p)],          q = softmax(f(n + delta))
 * </pre>
 *
 * f is the model from the LayerNorm of its embeddings on.
 *
 * <p>Follows the public code (microsoft/DeBERTa, DeBERTa/sift), as the paper describes the method
 * in words alone: one step, no projection; n and delta are constants, so words, positions and types
 * learn through the clean branch; in the gradient the first argument of either KL is constant, or
 * neither with {@code --sift-stop-grad none}, and then the ascent climbs both KLs. The ascent
 * computes no gradients of weights.
 *
 * <p>Deviations. The public code normalises the clean branch too, before a LayerNorm that does it
 * again: left out, it changes nothing but rounding. It normalises with an eps of 1e-7, here it is
 * the model's. It draws new dropout masks in the ascent; here the perturbed branch keeps its own.
 * Its option to climb a squared error is not offered. Values instead of classes, where its term is
 * always zero: {@code (z − z̃)²}.
 */
public final class Sift implements Criterion {

  /** Keeps the public code's division from one by zero. */
  private static final float FLOOR = 1e-6f;

  private final SiftOptions options;

  public Sift(SiftOptions options) {
    this.options = options;
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    Kernels k = pass.kernels();
    try (Arena.Scope scope = pass.arena().open()) {
      DeviceBatch x = DeviceBatch.upload(k, pass.arena(), model.config(), batch);
      Activations clean = model.forward(pass, x, model.embedWords(pass, x));
      Tensor p = clean.logits();
      Tensor supervised = pass.take(p.rows(), 1);
      Tensor dP = pass.take(p.rows(), p.cols());
      SupervisedLoss.compute(k, supervised, dP, p, x, scale);

      Tensor n = model.normalisedSum(pass, clean); // [N,H]
      Tensor delta = ascend(model, pass, x, n, p); // [N,H]
      Pass branch = Perturbation.branch(pass, options.siftDropout());
      Activations a = model.forwardSum(branch, x, Perturbation.add(pass, n, delta));
      Tensor consistency = pass.take(p.rows(), 1);
      Tensor dQ = zeros(pass, p);
      float weight = (float) (options.siftLambda() * scale);
      Tensor q = a.logits();
      ConsistencyLoss.add(pass, x, options.siftStopGrad(), consistency, dP, dQ, p, q, weight);

      try (Arena.Scope backward = pass.arena().open()) {
        model.backward(branch, x, a, dQ, gradients);
      }
      model.backwardToWeights(pass, x, clean, dP, x, gradients);
      double first = SupervisedLoss.sum(k, supervised);
      double second = SupervisedLoss.sum(k, consistency);
      return ConsistencyLoss.report(x, first, options.siftLambda(), second);
    }
  }

  /** The perturbation after its step. */
  private Tensor ascend(SequenceClassifier model, Pass pass, DeviceBatch x, Tensor n, Tensor p) {
    Kernels k = pass.kernels();
    float init = (float) options.siftInitPerturbation();
    Tensor delta = zeros(pass, n);
    k.addNoise(delta, delta, NoiseType.NORMAL, init, pass.key(Sites.SIFT_START), x.tokenRows());
    try (Arena.Scope scope = pass.arena().open()) {
      // No step: what is left of an ascent is the cut.
      k.ascend(delta, zeros(pass, n), x.sequences(), Norm.LINF, 0f, FLOOR, 2 * init);
      Pass branch = Perturbation.branch(pass, options.siftDropout()).ofInput();
      Activations a = model.forwardSum(branch, x, Perturbation.add(pass, n, delta));
      Tensor dQ = zeros(pass, p);
      Tensor term = pass.take(p.rows(), 1);
      float scale = pass.lossScale();
      ConsistencyLoss.add(pass, x, options.siftStopGrad(), term, null, dQ, p, a.logits(), scale);
      Tensor g = model.backward(branch, x, a, dQ, null);
      float step = (float) options.siftStepSize();
      k.ascend(
          delta,
          g,
          Perturbation.eachToken(pass, x),
          Norm.LINF,
          step,
          FLOOR * scale,
          Float.POSITIVE_INFINITY);
    }
    return delta;
  }

  private static Tensor zeros(Pass pass, Tensor like) {
    Tensor zeros = pass.take(like.rows(), like.cols());
    pass.kernels().zero(zeros);
    return zeros;
  }
}
