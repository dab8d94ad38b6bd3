package io.holdfast.engine.criteria;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import java.util.Map;

/**
 * A training objective: a short program over forward and backward. It owns its passes, so a method
 * that needs several of them, or their gradients, is one class.
 */
public interface Criterion {

  /** True if it adds noise to embeddings, so that a {@link NoiseAudit} is worth its time. */
  default boolean addsNoise() {
    return false;
  }

  /**
   * Takes from {@code arena} what lasts from update to update (vectors of a power iteration, a
   * teacher), fills it as a new run begins and returns it by name, in lower case: checkpoints keep
   * it under that name. Called once, before the first {@link #accumulate} and with the weights in
   * place; where a run goes on from a checkpoint, the blocks are then filled from there.
   *
   * @param key for what is drawn
   */
  default Map<String, Parameters> takeState(
      Kernels kernels, Arena arena, SequenceClassifier model, Key key) {
    return Map.of();
  }

  /** Called once an update, before its micro-batches. */
  default void beginUpdate(Kernels kernels) {}

  /**
   * Adds the gradient of {@code scale · Σ_b loss_b} over the examples of {@code batch} to {@code
   * gradients}. Everything taken from the pass's arena is given back on return.
   *
   * @param scale 1 / examples of the whole update, so that micro-batches accumulate to the mean,
   *     times {@link Pass#lossScale}
   */
  LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients);

  /**
   * Called once an update, when {@code gradients} has those of all its micro-batches.
   *
   * @param pass of the update: its key, a free arena
   */
  default void endUpdate(Pass pass, Parameters gradients) {}
}
