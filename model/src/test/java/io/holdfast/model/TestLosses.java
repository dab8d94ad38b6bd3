package io.holdfast.model;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;

/**
 * The two objectives of the tests, composed from kernels: means over the B sequences of a batch.
 * Gradients go to {@code model.gradients}.
 *
 * <pre>
 * ce   = mean(crossEntropy) or mean(squaredError)
 * r3f  = ce(clean) + lambda · mean(KL(p‖q) + KL(q‖p)) or + lambda · mean((clean − noised)²)
 * </pre>
 */
final class TestLosses {

  /** An R3F loss and its parts. */
  record R3f(double loss, double ce, double kl, Tensor clean, Tensor noised) {}

  private TestLosses() {}

  /** The loss; its gradient if {@code backward}. */
  static double crossEntropy(TestModel m, Pass pass, DeviceBatch batch, boolean backward) {
    Activations a = m.model.forward(pass, batch, m.model.embedWords(pass, batch));
    Tensor dLogits = pass.take(batch.sequenceCount(), m.config.outputs());
    double loss = supervised(m, pass, batch, a.logits(), dLogits);
    if (backward) {
      Tensor de = m.model.backward(pass, batch, a, dLogits, m.gradients);
      m.model.embedWordsBackward(pass, batch, de, m.gradients);
    }
    return loss;
  }

  /**
   * @param both clean and noised copy, {@link PackedBatch#repeat} of 2
   * @param noised [N,H] the word embeddings of the noised copy: a constant
   */
  static R3f r3f(
      TestModel m, Pass pass, DeviceBatch both, Tensor noised, float lambda, boolean backward) {
    Kernels k = m.kernels;
    int b = both.sequenceCount() / 2;
    int n = both.tokenCount() / 2;
    Tensor e = m.model.embedWords(pass, both);
    k.copy(e.rows(n, 2 * n), noised);
    Activations a = m.model.forward(pass, both, e);
    Tensor p = a.logits().rows(0, b);
    Tensor q = a.logits().rows(b, 2 * b);
    Tensor dLogits = pass.take(2 * b, m.config.outputs());
    k.zero(dLogits);
    Tensor dP = dLogits.rows(0, b);
    Tensor dQ = dLogits.rows(b, 2 * b);
    double ce = supervised(m, pass, both.prefix(b), p, dP);
    double kl = consistency(m, pass, p, q, dP, dQ, lambda);
    if (backward) {
      Tensor de = m.model.backward(pass, both, a, dLogits, m.gradients);
      m.model.embedWordsBackward(pass, both.prefix(b), de.rows(0, n), m.gradients);
    }
    return new R3f(ce + lambda * kl, ce, kl, p, q);
  }

  private static double supervised(
      TestModel m, Pass pass, DeviceBatch batch, Tensor logits, Tensor dLogits) {
    int b = batch.sequenceCount();
    Tensor loss = pass.take(b, 1);
    if (m.config.regression()) {
      m.kernels.squaredError(loss, dLogits, logits, batch.targets(), 1f / b);
    } else {
      m.kernels.crossEntropy(loss, dLogits, logits, batch.labels(), 1f / b);
    }
    return mean(m, loss);
  }

  private static double consistency(
      TestModel m, Pass pass, Tensor p, Tensor q, Tensor dP, Tensor dQ, float lambda) {
    int b = p.rows();
    Tensor each = pass.take(b, 1);
    if (!m.config.regression()) {
      m.kernels.symmetricKl(each, dP, dQ, p, q, lambda / b);
      return mean(m, each);
    }
    // d(p − q)²/dq is squaredError's gradient with p as the target; d/dp is its negative.
    m.kernels.squaredError(each, dQ, q, p, lambda / b);
    Tensor minusOne = pass.take(1, 1);
    m.kernels.upload(minusOne, new float[] {-1}, 0);
    m.kernels.linearBackwardInput(dP, dQ, minusOne, true);
    return mean(m, each);
  }

  private static double mean(TestModel m, Tensor each) {
    double sum = 0;
    for (double x : m.values(each)) {
      sum += x;
    }
    return sum / each.rows();
  }
}
