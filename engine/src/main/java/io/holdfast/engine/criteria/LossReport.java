package io.holdfast.engine.criteria;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a criterion measured on some examples, as sums over them, so that reports of micro-batches
 * add up to the report of the whole batch.
 *
 * @param examples sequences of the batch, each counted once however many branches ran
 * @param tokens tokens of the batch, each counted once
 * @param loss sum over examples of the objective
 * @param parts named summands of the loss before their weights ("ce", "kl"), also sums
 */
public record LossReport(int examples, long tokens, double loss, Map<String, Double> parts) {

  public static final LossReport EMPTY = new LossReport(0, 0, 0, Map.of());

  public LossReport plus(LossReport other) {
    Map<String, Double> sums = new LinkedHashMap<>(parts);
    other.parts.forEach((name, value) -> sums.merge(name, value, Double::sum));
    return new LossReport(
        examples + other.examples, tokens + other.tokens, loss + other.loss, sums);
  }

  /** Mean over examples. */
  public double meanLoss() {
    return loss / examples;
  }

  /** Mean of each part over examples. */
  public Map<String, Double> meanParts() {
    Map<String, Double> means = new LinkedHashMap<>();
    parts.forEach((name, value) -> means.put(name, value / examples));
    return means;
  }
}
