package io.holdfast.engine.criteria;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Rows;
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
 * FreeLB (Zhu et al., "FreeLB: Enhanced Adversarial Training for Natural Language Understanding",
 * ICLR 2020).
 *
 * <pre>
 * e = words(x)                            delta_1 ~ U(−1, 1) · mag / √(L·H)   (l2)   or   U(−mag, mag)   (linf)
 * for t = 1 … K
 *   loss_t = CE(softmax(f(e + delta_t)), y)         gradient += 1/K · dloss_t/dtheta
 *   g = dloss_t/d(e + delta_t)                      of the same backward
 *   delta_{t+1} = Π_{‖d‖ ≤ maxNorm}(delta_t + advLr · g / ‖g‖)          if t < K
 * loss = 1/K · Σ_t loss_t
 * </pre>
 *
 * <p>Follows the paper: K passes, each a forward and a full backward whose gradient with respect to
 * the parameters adds up while the one with respect to the embeddings moves the perturbation. ‖·‖
 * is over the L real tokens × H numbers of a sequence, each on its own; the perturbation joins the
 * word lookup, before positions, LayerNorm and dropout. In the gradient of the parameters delta is
 * a constant; nothing else is detached, and the word table learns from every pass. All passes draw
 * the same dropout masks (paper, section 3.3). With an initial size above 0 there is no clean pass.
 * Values instead of classes: the squared error takes the place of the cross-entropy.
 *
 * <p>{@code --freelb-steps} is K of the paper, the number of passes, as in the authors' code for
 * Hugging Face's trainer; their code for fairseq runs one pass more than its {@code adv-steps}. The
 * perturbation is not moved after the last pass. As in their code the first perturbation is not
 * projected. Their lower bounds of 1e-10 and 1e-8 on ‖g‖ are left out: a gradient of zero moves
 * nothing, and any other is followed however small it is.
 */
public final class Freelb implements Criterion {

  private final FreelbOptions options;

  public Freelb(FreelbOptions options) {
    this.options = options;
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    Kernels k = pass.kernels();
    int passes = options.freelbSteps();
    double[] losses = new double[passes];
    try (Arena.Scope scope = pass.arena().open()) {
      DeviceBatch x = DeviceBatch.upload(k, pass.arena(), model.config(), batch);
      Tensor e = model.embedWords(pass, x); // [N,H]
      Tensor delta = start(pass, x, e.cols()); // [N,H]
      Tensor loss = pass.take(x.sequenceCount(), 1);
      Tensor dLogits = pass.take(x.sequenceCount(), model.config().outputs());
      for (int t = 0; t < passes; t++) {
        try (Arena.Scope each = pass.arena().open()) {
          Activations a = model.forward(pass, x, Perturbation.add(pass, e, delta));
          SupervisedLoss.compute(k, loss, dLogits, a.logits(), x, scale / passes);
          losses[t] = SupervisedLoss.sum(k, loss);
          if (t + 1 == passes) {
            model.backwardToWeights(pass, x, a, dLogits, x, gradients);
          } else {
            Tensor g = model.backward(pass, x, a, dLogits, gradients);
            model.embedWordsBackward(pass, x, g, gradients);
            ascend(k, delta, g, x);
          }
        }
      }
      return report(x, losses);
    }
  }

  /** delta_1 [N,H]. */
  private Tensor start(Pass pass, DeviceBatch x, int hidden) {
    Tensor delta = pass.take(x.tokenCount(), hidden);
    pass.kernels().zero(delta);
    for (int b = 0; b < x.sequenceCount() && options.freelbInitMag() > 0; b++) {
      int from = x.hostStarts()[b];
      int to = x.hostStarts()[b + 1];
      double elements = (double) (to - from) * hidden;
      double size = options.freelbNorm() == Norm.L2 ? 1 / Math.sqrt(elements) : 1;
      Tensor own = delta.rows(from, to);
      Rows rows =
          new Rows(
              x.tokenRows().streams().rows(from, to), x.tokenRows().positions().rows(from, to));
      float half = (float) (options.freelbInitMag() * size);
      pass.kernels()
          .addNoise(own, own, NoiseType.UNIFORM, half, pass.key(Sites.FREELB_START), rows);
    }
    return delta;
  }

  private void ascend(Kernels k, Tensor delta, Tensor g, DeviceBatch x) {
    double bound = options.freelbMaxNorm();
    float radius = bound == 0 ? Float.POSITIVE_INFINITY : (float) bound;
    float step = (float) options.freelbAdvLr();
    k.ascend(delta, g, x.sequences(), options.freelbNorm(), step, 0f, radius);
  }

  /** The loss is the mean over the passes; its parts are those of the first and the last pass. */
  private static LossReport report(DeviceBatch x, double[] losses) {
    double sum = 0;
    for (double loss : losses) {
      sum += loss;
    }
    Map<String, Double> parts = new LinkedHashMap<>();
    parts.put(SupervisedLoss.part(x), losses[0]);
    if (losses.length > 1) {
      parts.put("adv", losses[losses.length - 1]);
    }
    return new LossReport(x.sequenceCount(), x.tokenCount(), sum / losses.length, parts);
  }
}
