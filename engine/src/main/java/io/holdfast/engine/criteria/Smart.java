package io.holdfast.engine.criteria;

import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.criteria.SmartOptions.Projection;
import io.holdfast.engine.criteria.SmartOptions.StopGrad;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
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

/**
 * SMART (Jiang et al., "SMART: Robust and Efficient Fine-Tuning for Pre-trained Natural Language
 * Models through Principled Regularized Optimization", ACL 2020): smoothness-inducing adversarial
 * regularisation, and Bregman proximal point optimisation with momentum if asked for.
 *
 * <pre>
 * e = words(x)            p = softmax(f(e))            delta ~ N(0, noise²)
 * K times   g = d/d(delta) [KL(p‖q) + KL(q‖p)],        q = softmax(f(e + delta))
 *           delta = Π_{‖d‖∞ ≤ epsilon}(delta + step · g / ‖g‖∞)
 * loss = CE(p, y) + lambda · [KL(p‖q) + KL(q‖p)],      q = softmax(f(e + delta))
 *      + mu · [KL(p‖t) + KL(t‖p)],                     t = softmax(f̃(e))
 * f̃ has the weights slow = beta · slow + (1 − beta) · theta, moved before each update
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
 * <p>The proximal term ({@code --smart-bregman-mu}, the paper's 1; 0 by default) is one update to
 * each step of the proximal point method, and beta stays as it is, where the paper raises it from
 * 0.99 to 0.999 after a tenth of the updates. The slower copy starts as the weights, runs without
 * dropout, is a constant to the gradient, and is kept in checkpoints.
 *
 * <p>The public code (namisan/mt-dnn) differs. {@link Projection#PUBLIC_CODE}: it divides each
 * token's perturbation by its largest element and so ends at a size of 1, not epsilon. {@link
 * StopGrad#TARGETS}: it holds the first argument of either KL constant, in the loss. Not offered:
 * in the ascent it climbs a surrogate, {@code 2 Σ q (logit q − logit p)} with only the first q
 * differentiated; it perturbs the embeddings after their LayerNorm and dropout; it draws new
 * dropout masks in every pass; it has no proximal term.
 */
public final class Smart implements Criterion {

  /** Keeps the public code's division from one by zero. */
  private static final float FLOOR = 1e-6f;

  private final SmartOptions options;
  private Parameters student;

  /** The slower copy of the model; null without a proximal term. */
  private SequenceClassifier teacher;

  public Smart(SmartOptions options) {
    this.options = options;
  }

  /** What the branches of one batch share. Gradients of the clean logits add up in {@code dP}. */
  private record Step(
      SequenceClassifier model,
      Pass pass,
      DeviceBatch x,
      Tensor e, // [N,H]
      Tensor p, // [B,C]
      Tensor dP, // [B,C]
      float scale) {

    Tensor column() {
      return pass.take(p.rows(), 1);
    }

    Tensor zeroLogits() {
      Tensor zero = pass.take(p.rows(), p.cols());
      pass.kernels().zero(zero);
      return zero;
    }

    float weight(double factor) {
      return (float) (factor * scale);
    }
  }

  @Override
  public Map<String, Parameters> takeState(
      Kernels kernels, Arena arena, SequenceClassifier model, Key key) {
    if (options.smartBregmanMu() == 0) {
      return Map.of();
    }
    student = model.weights();
    Parameters slow = Parameters.weights(student.layout(), arena, kernels);
    kernels.copy(slow.block(), student.block());
    teacher = model.withWeights(slow);
    teacher.weightsChanged(kernels);
    return Map.of("teacher", slow);
  }

  @Override
  public void beginUpdate(Kernels kernels) {
    if (teacher != null) {
      float beta = (float) options.smartBregmanBeta();
      Tensor slow = teacher.weights().block();
      kernels.axpby(slow, 1f - beta, student.block(), beta); // of sum 1 in fp32 too
      teacher.weightsChanged(kernels);
    }
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    Kernels k = pass.kernels();
    try (Arena.Scope scope = pass.arena().open()) {
      DeviceBatch x = DeviceBatch.upload(k, pass.arena(), model.config(), batch);
      Tensor e = model.embedWords(pass, x);
      Activations clean = model.forward(pass, x, e);
      Tensor p = clean.logits();
      Step step = new Step(model, pass, x, e, p, pass.take(p.rows(), p.cols()), scale);
      Map<String, Double> parts = new LinkedHashMap<>();

      Tensor supervised = step.column();
      SupervisedLoss.compute(k, supervised, step.dP, p, x, scale);
      parts.put(SupervisedLoss.part(x), SupervisedLoss.sum(k, supervised));
      double loss = parts.get(SupervisedLoss.part(x));
      if (options.smartBregmanMu() > 0) {
        parts.put("proximal", SupervisedLoss.sum(k, proximity(step)));
        loss += options.smartBregmanMu() * parts.get("proximal");
      }
      if (options.smartLambda() > 0) {
        Tensor delta = ascend(step); // [N,H]
        double smoothness = SupervisedLoss.sum(k, smoothness(step, delta, gradients));
        parts.put(ConsistencyLoss.part(x), smoothness);
        loss += options.smartLambda() * smoothness;
      }
      model.backwardToWeights(pass, x, clean, step.dP, x, gradients);
      return new LossReport(x.sequenceCount(), x.tokenCount(), loss, parts);
    }
  }

  /** The distance to the teacher for each example, [B,1]; its gradient joins {@code dP}. */
  private Tensor proximity(Step s) {
    Pass still = new Pass(s.pass.kernels(), s.pass.arena(), s.pass.key(), false, false);
    Tensor target = teacher.infer(still, s.x, teacher.embedWords(still, s.x));
    Tensor term = s.column();
    float weight = s.weight(options.smartBregmanMu());
    ConsistencyLoss.add(s.pass, s.x, term, s.dP, null, s.p, target, weight);
    return term;
  }

  /** The perturbation after K steps. */
  private Tensor ascend(Step s) {
    Kernels k = s.pass.kernels();
    Pass branch = Perturbation.branch(s.pass, options.smartDropout()).ofInput();
    Tensor delta = s.pass.take(s.e.rows(), s.e.cols());
    k.zero(delta);
    float noise = (float) options.smartNoiseStd();
    Key key = s.pass.key(Sites.SMART_START);
    k.addNoise(delta, delta, NoiseType.NORMAL, noise, key, s.x.tokenRows());
    for (int m = 0; m < options.smartSteps(); m++) {
      try (Arena.Scope each = s.pass.arena().open()) {
        Activations a = s.model.forward(branch, s.x, Perturbation.add(s.pass, s.e, delta));
        Tensor dQ = s.zeroLogits();
        ConsistencyLoss.add(s.pass, s.x, s.column(), null, dQ, s.p, a.logits(), branch.lossScale());
        project(s, delta, s.model.backward(branch, s.x, a, dQ, null));
      }
    }
    return delta;
  }

  /** One step along {@code g}, which may be overwritten. */
  private void project(Step s, Tensor delta, Tensor g) {
    Kernels k = s.pass.kernels();
    float length = (float) options.smartStepSize();
    if (options.smartProjection() == Projection.PAPER) {
      float epsilon = (float) options.smartEpsilon();
      k.ascend(delta, g, s.x.sequences(), Norm.LINF, length, 0f, epsilon);
      return;
    }
    k.axpby(g, 1f, delta, length / s.pass.lossScale()); // g = delta + step · g
    k.zero(delta);
    Sequences tokens = Perturbation.eachToken(s.pass, s.x);
    k.ascend(delta, g, tokens, Norm.LINF, 1f, FLOOR, Float.POSITIVE_INFINITY);
  }

  /**
   * The term for each example, [B,1]. The gradient of the clean logits joins {@code dP}; the
   * perturbed branch is differentiated here.
   */
  private Tensor smoothness(Step s, Tensor delta, Parameters gradients) {
    Pass branch = Perturbation.branch(s.pass, options.smartDropout());
    Tensor term = s.column();
    try (Arena.Scope scope = s.pass.arena().open()) {
      Activations a = s.model.forward(branch, s.x, Perturbation.add(s.pass, s.e, delta));
      Tensor dQ = s.zeroLogits();
      Tensor q = a.logits();
      float weight = s.weight(options.smartLambda());
      ConsistencyLoss.add(s.pass, s.x, options.smartStopGrad(), term, s.dP, dQ, s.p, q, weight);
      s.model.backwardToWeights(branch, s.x, a, dQ, s.x, gradients);
    }
    return term;
  }
}
