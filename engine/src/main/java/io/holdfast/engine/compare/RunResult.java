package io.holdfast.engine.compare;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.run.Json;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What one run came to: a line of the ledger. Numbers that are not known are NaN, written as text.
 *
 * @param run name of the run and of its folder
 * @param task name of the task, or of the training file
 * @param status "completed", "early_stopped", "diverged" or "degenerate"
 * @param metric what picked the best evaluation
 * @param score the metric at the best evaluation: that of the saved model; NaN without a model
 * @param last the metric at the last evaluation
 * @param majority the metric of always giving the most frequent label of the evaluation rows (for
 *     values their mean); NaN if unknown
 * @param steps updates done
 * @param seconds time of the updates
 * @param passes forwards and backwards per update, relative to those of cross-entropy
 * @param peakMemory most bytes resident at a time; 0 if unknown
 * @param threads worker threads
 * @param processor what they ran on
 * @param metrics all metrics of the best evaluation
 * @param curve the metric at every evaluation
 * @param loss training loss against the labels, without other terms
 * @param data SHA-256 of the files, by what they are for
 * @param config options by key, without those that do not change what is computed
 */
public record RunResult(
    String run,
    String task,
    String status,
    String metric,
    double score,
    double last,
    double majority,
    int steps,
    double seconds,
    double passes,
    @JsonProperty("peak_memory_bytes") long peakMemory,
    int threads,
    String processor,
    Map<String, Double> metrics,
    List<Point> curve,
    List<Point> loss,
    Map<String, String> data,
    Map<String, String> config) {

  public static final String COMPLETED = "completed";
  public static final String EARLY_STOPPED = "early_stopped";
  public static final String DIVERGED = "diverged";
  public static final String DEGENERATE = "degenerate";

  /** How a run can end for good: it would end the same way again. */
  static final List<String> FINAL = List.of(COMPLETED, EARLY_STOPPED, DIVERGED, DEGENERATE);

  /** A value at a time of the run. */
  public record Point(double epoch, double value) {}

  public String criterion() {
    return config.get("criterion");
  }

  public long seed() {
    return Long.parseLong(config.get("seed"));
  }

  /** Throws IllegalArgumentException for an object that is no result. */
  static RunResult of(ObjectNode json) {
    RunResult result = Json.as(RunResult.class, json);
    boolean whole =
        Stream.of(
                result.run,
                result.task,
                result.status,
                result.metric,
                result.metrics,
                result.curve,
                result.loss,
                result.data,
                result.config)
            .allMatch(Objects::nonNull);
    if (!whole || !result.config.keySet().containsAll(Set.of("criterion", "seed"))) {
      throw new IllegalArgumentException("not the result of a run");
    }
    return result;
  }
}
