package io.holdfast.engine.data;

/**
 * One row.
 *
 * @param second null for a single text
 * @param label class id, −1 where there is none
 * @param target value, NaN where there is none
 */
public record Example(String first, String second, int label, float target) {}
