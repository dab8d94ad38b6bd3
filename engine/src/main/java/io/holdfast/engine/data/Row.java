package io.holdfast.engine.data;

/**
 * The fields of one row that a task needs.
 *
 * @param second null for a single text
 * @param label null where labels are not read
 */
record Row(int line, Cell first, Cell second, Cell label) {

  /**
   * One field.
   *
   * @param column of its first character in the line, from 1; 0 where that is not known
   */
  record Cell(String text, int column) {}
}
