package io.holdfast.engine.criteria;

import io.holdfast.engine.criteria.SmartOptions.StopGrad;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.Pass;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How far two outputs for the same examples are apart: {@code KL(p‖q) + KL(q‖p)} for classes,
 * {@code (p − q)²} for values.
 */
final class ConsistencyLoss {

  private ConsistencyLoss() {}

  static String part(DeviceBatch batch) {
    return SupervisedLoss.isRegression(batch) ? "consistency" : "kl";
  }

  /**
   * {@code term[b]}; adds {@code weight} times its gradient to {@code dP} and to {@code dQ}, each
   * unless null.
   *
   * @param term [B,1]
   * @param p [B,C] logits or values
   * @param q [B,C]
   */
  static void add(
      Pass pass,
      DeviceBatch batch,
      Tensor term,
      Tensor dP,
      Tensor dQ,
      Tensor p,
      Tensor q,
      float weight) {
    Kernels k = pass.kernels();
    if (!SupervisedLoss.isRegression(batch)) {
      k.symmetricKl(term, dP, dQ, p, q, weight);
      return;
    }
    Tensor d = pass.take(q.rows(), 1);
    k.squaredError(term, d, q, p, weight); // d(p − q)²/dq = −d(p − q)²/dp
    if (dP != null) {
      k.axpby(dP, -1f, d, 1f);
    }
    if (dQ != null) {
      k.axpby(dQ, 1f, d, 1f);
    }
  }

  /**
   * {@link #add}, or with {@link StopGrad#TARGETS} the gradient that takes the first argument of
   * either KL for a constant: {@code dQ += weight · (q − p)}, {@code dP += weight · (p − q)}.
   */
  static void add(
      Pass pass,
      DeviceBatch batch,
      StopGrad stop,
      Tensor term,
      Tensor dP,
      Tensor dQ,
      Tensor p,
      Tensor q,
      float weight) {
    if (stop == StopGrad.NONE || SupervisedLoss.isRegression(batch)) {
      add(pass, batch, term, dP, dQ, p, q, weight);
      return;
    }
    Kernels k = pass.kernels();
    Tensor ofP = pass.take(p.rows(), p.cols());
    Tensor ofQ = pass.take(p.rows(), p.cols());
    k.crossEntropy(term, ofP, p, batch.labels(), weight);
    k.crossEntropy(term, ofQ, q, batch.labels(), weight);
    k.axpby(ofQ, -1f, ofP, 1f); // the labels cancel
    k.axpby(dQ, 1f, ofQ, 1f);
    if (dP != null) {
      k.axpby(dP, -1f, ofQ, 1f);
    }
    k.symmetricKl(term, null, null, p, q, weight);
  }

  /**
   * A batch's report: {@code supervised + weight · consistency}.
   *
   * @param batch the examples, each once
   * @param supervised sum over the examples
   * @param consistency sum over the examples, without its weight
   */
  static LossReport report(
      DeviceBatch batch, double supervised, double weight, double consistency) {
    Map<String, Double> parts = new LinkedHashMap<>();
    parts.put(SupervisedLoss.part(batch), supervised);
    parts.put(part(batch), consistency);
    double loss = supervised + weight * consistency;
    return new LossReport(batch.sequenceCount(), batch.tokenCount(), loss, parts);
  }
}
