package io.holdfast.engine.criteria;

import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.criteria.SmartOptions.Projection;
import io.holdfast.engine.criteria.SmartOptions.StopGrad;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.Activations;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.Sites;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * SMART (Jiang et al., "SMART: Robust and Efficient Fine-Tuning for Pre-trained Natural Language
 * Models through Principled Regularized Optimization", ACL 2020): smoothness-inducing adversarial
 * regularisation.
 *
 * <pre>
 * e = words(x)            p = softmax(f(e))            delta ~ N(0, noise²)
 * K times   g = d/d(delta) [KL(p‖q) + KL(q‖p)],        q = softmax(f(e + delta))
 *           delta = Π_{‖d‖∞ ≤ epsilon}(delta + step · g / ‖g‖∞)
 * loss = CE(p, y) + lambda · [KL(p‖q) + KL(q‖p)],      q = softmax(f(e + delta))
 * </pre>
 *
 * <p>Follows the paper: ‖·‖∞ is over all elements of a sequence's embeddings, each sequence on its
 * own; the mean is over examples. In the gradient of the parameters delta is a constant; nothing
 * else is detached, so the word table learns through both branches. The ascent differentiates the
 * perturbed branch alone, with p held constant and without the gradients of the weights. Values
 * instead of classes: the term is {@code (z − z̃)²}. By choice the perturbation joins the word
 * lookup, before positions, LayerNorm and dropout, and the perturbed branch draws the same dropout
 * masks in the ascent and in the loss, other ones than the clean branch unless {@link
 * Masks#SHARED}. In fp32 the default sizes are near the rounding of the logits: without dropout
 * both branches may agree to the last bit, and then there is no ascent.
 *
 * <p>The public code (namisan/mt-dnn) differs. {@link Projection#PUBLIC_CODE}: it divides each
 * token's perturbation by its largest element and so ends at a size of 1, not epsilon. {@link
 * StopGrad#TARGETS}: it holds the first argument of either KL constant, in the loss. Not offered:
 * in the ascent it climbs a surrogate, {@code 2 Σ q (logit q − logit p)} with only the first q
 * differentiated; it perturbs the embeddings after their LayerNorm and dropout; it draws new
 * dropout masks in every pass.
 */
public final class Smart implements Criterion {

  static final String NAME = "smart";

  /** Keeps the public code's division from one by zero. */
  private static final float FLOOR = 1e-6f;

  private final SmartOptions options;
  private final CrossEntropy plain = new CrossEntropy();

  public Smart(SmartOptions options) {
    this.options = options;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    if (options.smartLambda() == 0) {
      return plain.accumulate(model, pass, batch, scale, gradients);
    }
    Kernels k = pass.kernels();
    int b = batch.sequences();
    int c = model.config().outputs();
    try (Arena.Scope scope = pass.arena().open()) {
      DeviceBatch x = DeviceBatch.upload(k, pass.arena(), model.config(), batch);
      Tensor e = model.embedWords(pass, x); // [N,H]
      Activations clean = model.forward(pass, x, e);
      Tensor p = clean.logits();
      Tensor supervised = pass.take(b, 1);
      Tensor dP = pass.take(b, c);
      SupervisedLoss.compute(k, supervised, dP, p, x, scale);

      Tensor delta = ascend(model, pass, x, e, p); // [N,H]

      Pass branch = perturbed(pass, true);
      Activations perturbed = model.forward(branch, x, Perturbation.add(pass, e, delta));
      Tensor smoothness = pass.take(b, 1);
      Tensor dQ = pass.take(b, c);
      k.zero(dQ);
      float weight = (float) (options.smartLambda() * scale);
      addSmoothness(pass, x, smoothness, dP, dQ, p, perturbed.logits(), weight);

      backward(model, branch, x, perturbed, dQ, gradients);
      backward(model, pass, x, clean, dP, gradients);
      return report(k, x, supervised, smoothness);
    }
  }

  /** The perturbation after K steps. */
  private Tensor ascend(SequenceClassifier model, Pass pass, DeviceBatch x, Tensor e, Tensor p) {
    Kernels k = pass.kernels();
    Pass branch = perturbed(pass, false);
    Tensor delta = pass.take(e.rows(), e.cols());
    k.zero(delta);
    float noise = (float) options.smartNoiseStd();
    k.addNoise(delta, delta, NoiseType.NORMAL, noise, pass.key(Sites.SMART_START), x.tokenRows());
    for (int m = 0; m < options.smartSteps(); m++) {
      try (Arena.Scope each = pass.arena().open()) {
        Activations a = model.forward(branch, x, Perturbation.add(pass, e, delta));
        Tensor term = pass.take(p.rows(), 1);
        Tensor dQ = pass.take(p.rows(), p.cols());
        k.zero(dQ);
        ConsistencyLoss.add(pass, x, term, null, dQ, p, a.logits(), 1f);
        project(pass, x, delta, model.backward(branch, x, a, dQ, null));
      }
    }
    return delta;
  }

  /** One step along {@code g}, which may be overwritten. */
  private void project(Pass pass, DeviceBatch x, Tensor delta, Tensor g) {
    Kernels k = pass.kernels();
    float step = (float) options.smartStepSize();
    if (options.smartProjection() == Projection.PAPER) {
      float epsilon = (float) options.smartEpsilon();
      k.ascend(delta, g, x.sequences(), Norm.LINF, step, 0f, epsilon);
      return;
    }
    k.axpby(g, 1f, delta, step); // g = delta + step · g
    k.zero(delta);
    k.ascend(delta, g, eachToken(pass, x), Norm.LINF, 1f, FLOOR, Float.POSITIVE_INFINITY);
  }

  /** Every token as a sequence of its own. */
  private static Sequences eachToken(Pass pass, DeviceBatch x) {
    int n = x.tokenCount();
    Tensor starts = pass.arena().take(DType.I32, n + 1, 1);
    pass.kernels().upload(starts, IntStream.rangeClosed(0, n).toArray(), 0);
    return new Sequences(starts, x.tokenRows().streams(), 1);
  }

  /** {@link ConsistencyLoss#add}, with the targets held constant if asked for. */
  private void addSmoothness(
      Pass pass,
      DeviceBatch x,
      Tensor term,
      Tensor dP,
      Tensor dQ,
      Tensor p,
      Tensor q,
      float weight) {
    if (options.smartStopGrad() == StopGrad.NONE || SupervisedLoss.isRegression(x)) {
      ConsistencyLoss.add(pass, x, term, dP, dQ, p, q, weight);
      return;
    }
    Kernels k = pass.kernels();
    Tensor d = pass.take(p.rows(), p.cols());
    k.crossEntropy(term, d, p, x.labels(), weight);
    k.crossEntropy(term, dQ, q, x.labels(), weight);
    k.axpby(dQ, -1f, d, 1f); // dQ = weight · (q − p): the labels cancel
    k.axpby(dP, -1f, dQ, 1f);
    k.symmetricKl(term, null, null, p, q, weight);
  }

  private static void backward(
      SequenceClassifier model,
      Pass pass,
      DeviceBatch x,
      Activations a,
      Tensor dLogits,
      Parameters gradients) {
    try (Arena.Scope scope = pass.arena().open()) {
      model.backwardToWeights(pass, x, a, dLogits, x, gradients);
    }
  }

  private LossReport report(Kernels k, DeviceBatch x, Tensor supervised, Tensor smoothness) {
    double first = SupervisedLoss.sum(k, supervised);
    double second = SupervisedLoss.sum(k, smoothness);
    Map<String, Double> parts = new LinkedHashMap<>();
    parts.put(SupervisedLoss.part(x), first);
    parts.put(ConsistencyLoss.part(x), second);
    double loss = first + options.smartLambda() * second;
    return new LossReport(x.sequenceCount(), x.tokenCount(), loss, parts);
  }

  /** The pass of the perturbed branch: its dropout masks, in the ascent and in the loss. */
  private Pass perturbed(Pass pass, boolean weightGradients) {
    boolean shared = options.smartDropout() == Masks.SHARED;
    return new Pass(
        pass.kernels(),
        pass.arena(),
        shared ? pass.key() : pass.key(Sites.PERTURBED_BRANCH),
        pass.training(),
        weightGradients);
  }
}
