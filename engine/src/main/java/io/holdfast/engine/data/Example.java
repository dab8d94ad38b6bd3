package io.holdfast.engine.data;

/**
 * One row.
 *
 * @param index from 0 in file order, rows left out not counted; also its random stream
 * @param second null for a single text
 * @param label class id, −1 where there is none
 * @param target value, NaN where there is none
 */
public record Example(int index, String first, String second, int label, float target) {}
