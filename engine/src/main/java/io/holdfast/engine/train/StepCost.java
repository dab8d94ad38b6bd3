package io.holdfast.engine.train;

import io.holdfast.model.Work;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What an update costs on average. A pass goes over every token of the update's examples once.
 *
 * @param forwardPasses measured; 1 for cross-entropy
 * @param backwardPasses measured; one without weight gradients is half of one
 * @param seconds of an update
 * @param extraMemory bytes beyond those of plain cross-entropy: a step's activations, what
 *     criterion and strategies keep, an average; known before the first update
 */
public record StepCost(
    double forwardPasses, double backwardPasses, double seconds, long extraMemory) {

  static StepCost of(Work work, long tokens, double secondsPerUpdate, long extraMemory) {
    return new StepCost(
        work.forwardPasses(tokens), work.backwardPasses(tokens), secondsPerUpdate, extraMemory);
  }

  /** Passes relative to one forward and one backward of cross-entropy, which is as two forwards. */
  public double relativePasses() {
    return (forwardPasses + 2 * backwardPasses) / 3;
  }

  /** For reports. */
  public Map<String, Number> toMap() {
    Map<String, Number> values = new LinkedHashMap<>();
    values.put("forward_passes", forwardPasses);
    values.put("backward_passes", backwardPasses);
    values.put("relative_passes", relativePasses());
    values.put("seconds_per_step", seconds);
    values.put("extra_memory_bytes", extraMemory);
    return values;
  }
}
