package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.none.NullKernels;

/**
 * Bytes that training needs, so that everything is allocated before the first step and nothing
 * within one. Activations are measured, not estimated: the step runs once on the null backend, with
 * the largest batch, and the arena's high-water mark is the answer.
 *
 * @param block of the layout: as much as weights or gradients take, or one of Adam's moments
 * @param factors the encoder's weights in the type of hidden states, where that is another
 * @param activations the arena of a step: batch, saved activations, scratch, losses
 */
public record MemoryPlan(long block, long factors, long activations) {

  /** Bytes of an arena on the null backend that is never full. */
  public static final long UNBOUNDED = 1L << 60;

  /** Upper bounds on any batch of a run. */
  public record Largest(int tokens, int sequences, int maxLength) {

    public Largest {
      if (sequences < 1 || maxLength < 1 || tokens < sequences) {
        throw new IllegalArgumentException(
            tokens + " tokens in " + sequences + " sequences of up to " + maxLength);
      }
    }

    /** A batch of that size; no batch within the bounds takes more memory. */
    private PackedBatch batch(boolean regression) {
      int[] starts = new int[sequences + 1];
      int left = tokens;
      for (int b = 0; b < sequences; b++) {
        int last = sequences - 1 - b;
        int length = b == 0 ? Math.min(maxLength, left - last) : left / (last + 1);
        starts[b + 1] = starts[b] + length;
        left -= length;
      }
      return new PackedBatch(
          new int[tokens],
          new int[tokens],
          starts,
          new int[sequences],
          regression ? null : new int[sequences],
          regression ? new float[sequences] : null);
    }
  }

  /** One training step but for the update: upload, forward, loss, backward. */
  @FunctionalInterface
  public interface Step {
    void run(SequenceClassifier model, Pass pass, PackedBatch batch, Parameters gradients);
  }

  /**
   * The plan for steps of {@code step} on {@code kernels}; the backend is asked for sizes alone.
   */
  public static MemoryPlan of(Kernels kernels, ModelConfig config, Largest largest, Step step) {
    ParameterLayout layout = ParameterLayout.of(config);
    try (Kernels none = new NullKernels(kernels).kernels();
        Arena blocks = new Arena(none, UNBOUNDED);
        Arena activations = new Arena(none, UNBOUNDED)) {
      Parameters gradients = new Parameters(layout, blocks, none.real());
      long block = blocks.used();
      Parameters weights = Parameters.weights(layout, blocks, none);
      long factors = blocks.used() - 2 * block;
      SequenceClassifier model = new SequenceClassifier(config, weights);
      model.weightsChanged(none);
      Pass pass = new Pass(none, activations, Key.of(0), true, true);
      step.run(model, pass, largest.batch(config.regression()), gradients);
      return new MemoryPlan(block, factors, activations.highWater());
    }
  }
}
