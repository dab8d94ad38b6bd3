package io.holdfast.engine.data;

import java.util.ArrayList;
import java.util.List;

/**
 * The fields of one row of a delimited file.
 *
 * @param columns where each begins in its line, from 1
 */
record Fields(int line, List<String> values, List<Integer> columns) {

  Fields(int line) {
    this(line, new ArrayList<>(), new ArrayList<>());
  }

  void add(String value, int column) {
    values.add(value);
    columns.add(column);
  }

  int size() {
    return values.size();
  }

  Row.Cell cell(int i) {
    return new Row.Cell(values.get(i), columns.get(i));
  }

  /** Where fields come from. */
  interface Source {
    /** The next row, or null after the last. */
    Fields next();
  }
}
