package io.holdfast.engine.train;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * How a run ended.
 *
 * @param steps updates done in all
 * @param bestStep step of the best evaluation; 0 if there was none
 * @param majority the metrics of always answering the most frequent label of the evaluation rows
 *     (their mean, for values); empty without evaluation rows
 * @param before metrics before the first update; empty unless evaluated then
 * @param best metrics of the best model; empty without evaluation
 * @param trainLoss mean over the run
 * @param elapsed time of training, all parts of a resumed run together
 * @param cost of an update
 */
public record Outcome(
    Status status,
    int steps,
    int bestStep,
    Map<String, Double> majority,
    Map<String, Double> before,
    Map<String, Double> best,
    double trainLoss,
    Duration elapsed,
    StepCost cost,
    Path outputDir) {

  /** Why training ended. */
  public enum Status {
    /** All updates were done. */
    COMPLETED,
    /** No better model for as many evaluations as --patience allows. */
    EARLY_STOPPED,
    /** A {@link StopSignal}: a checkpoint is saved, the same command resumes. */
    STOPPED
  }
}
