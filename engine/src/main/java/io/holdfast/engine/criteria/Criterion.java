package io.holdfast.engine.criteria;

import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;

/**
 * A training objective: a short program over forward and backward. It owns its passes, so a method
 * that needs several of them, or their gradients, is one class.
 */
public interface Criterion {

  /** The name {@link Criteria} knows. */
  String name();

  /** True if it adds noise to embeddings, so that a {@link NoiseAudit} is worth its time. */
  default boolean addsNoise() {
    return false;
  }

  /**
   * Adds the gradient of {@code scale · Σ_b loss_b} over the examples of {@code batch} to {@code
   * gradients}. Everything taken from the pass's arena is given back on return.
   *
   * @param scale 1 / examples of the whole update, so that micro-batches accumulate to the mean
   */
  LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients);
}
