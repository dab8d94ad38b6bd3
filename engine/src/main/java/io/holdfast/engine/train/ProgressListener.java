package io.holdfast.engine.train;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * What a run tells while it goes on, on the thread that trains. All methods have empty defaults.
 */
public interface ProgressListener {

  ProgressListener SILENT = new ProgressListener() {};

  /**
   * One update.
   *
   * @param step updates done, 1 … totalSteps
   * @param epoch epochs done, with fraction
   * @param loss mean over the update's examples
   * @param parts the loss's parts before their weights ("ce", "kl"), means as well
   * @param gradientNorm before clipping
   * @param tokensPerSecond of this run so far, evaluation and saving not counted
   * @param remaining estimated time to the last update
   */
  record Step(
      int step,
      int totalSteps,
      double epoch,
      double loss,
      Map<String, Double> parts,
      double learningRate,
      double gradientNorm,
      double tokensPerSecond,
      Duration remaining) {}

  /** A sentence for the user: what was read, the memory plan, the noise audit, … */
  default void message(String line) {}

  /** Something the user should look at. */
  default void warning(String line) {}

  default void started(int firstStep, int totalSteps) {}

  default void step(Step step) {}

  /**
   * @param metrics the task's metrics and "loss"
   * @param best true if no evaluation before was better
   */
  default void evaluated(int step, double epoch, Map<String, Double> metrics, boolean best) {}

  default void saved(int step, Path checkpoint) {}
}
