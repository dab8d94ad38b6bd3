package io.holdfast.engine.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the rows of a file for a task, streaming. Whatever is wrong with the file throws {@link
 * io.holdfast.kernels.HoldfastException} of kind DATA with its place.
 */
public final class DatasetReader {

  private final Task task;
  private final boolean labelled;
  private final Lines lines;
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<Example> examples = new ArrayList<>();
  private int blank;

  private DatasetReader(Task task, boolean labelled, Lines lines) {
    this.task = task;
    this.labelled = labelled;
    this.lines = lines;
  }

  /**
   * @param labelled false: labels are neither needed nor read (test files, prediction)
   * @param maxRows only the first rows, 0 for all; the hash is always that of the whole file
   */
  public static Dataset read(Task task, Path file, boolean labelled, int maxRows) {
    try (Lines lines = new Lines(file)) {
      return new DatasetReader(task, labelled, lines)
          .read(maxRows == 0 ? Integer.MAX_VALUE : maxRows);
    }
  }

  /** SHA-256 of a file's bytes, in hexadecimal. */
  public static String sha256(Path file) {
    try (Lines lines = new Lines(file)) {
      return lines.sha256();
    }
  }

  private Dataset read(int maxRows) {
    RowReader rows = RowReader.of(lines, task.columns(), labelled);
    Row row = rows.next();
    while (row != null && examples.size() < maxRows) {
      examples.add(example(row));
      row = examples.size() < maxRows ? rows.next() : null;
    }
    if (examples.isEmpty()) {
      throw lines.error(0, 0, "the file has no rows");
    }
    List<String> notes = new ArrayList<>(rows.notes());
    if (blank > 0) {
      notes.add(lines.file() + ": " + blank + " rows have one blank text");
    }
    return new Dataset(task, lines.file(), lines.sha256(), labelled, examples, notes);
  }

  private Example example(Row row) {
    boolean noFirst = row.first().text().isBlank();
    boolean noSecond = row.second() != null && row.second().text().isBlank();
    if (noFirst || noSecond) {
      boolean both = noFirst && (noSecond || row.second() == null);
      if (both || !task.columns().blankAllowed()) {
        Row.Cell cell = noFirst ? row.first() : row.second();
        String name = noFirst ? task.columns().first() : task.columns().second();
        throw lines.error(
            row.line(), cell.column(), "empty text in column '" + name + "'; fill or remove it");
      }
      blank++;
    }
    String second = row.second() == null ? null : row.second().text();
    int label = labelled && !task.regression() ? label(row) : -1;
    float target = labelled && task.regression() ? target(row) : Float.NaN;
    return new Example(row.first().text(), second, label, target);
  }

  private int label(Row row) {
    int id = ids.computeIfAbsent(row.label().text(), task::labelId);
    if (id < 0) {
      throw lines.error(
          row.line(),
          row.label().column(),
          "unknown label "
              + Text.quote(row.label().text())
              + "; task "
              + task.name()
              + " has "
              + Text.list(task.fileLabels()));
    }
    return id;
  }

  private float target(Row row) {
    float value = (float) Text.number(row.label().text());
    if (!Float.isFinite(value)) {
      throw lines.error(
          row.line(),
          row.label().column(),
          "target " + Text.quote(row.label().text()) + " is not a finite number");
    }
    return value;
  }
}
