package io.holdfast.engine.criteria;

import io.holdfast.engine.options.Options;

/** Options of every criterion, a group for each that has any. */
public record CriterionOptions(
    R3fOptions r3f,
    R4fOptions r4f,
    SmartOptions smart,
    FreelbOptions freelb,
    RDropOptions rDrop,
    HypeOptions hype,
    SiftOptions sift) {

  public static CriterionOptions defaults() {
    return Options.defaults(CriterionOptions.class);
  }
}
