package io.holdfast.engine.data;

import io.holdfast.kernels.HoldfastException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/** The labels that a training file uses, found by reading it once. */
final class LabelScan {

  /** More names than this are not classes but a mistaken column. */
  private static final int MOST = 1000;

  private final Path file;
  private final String column;
  private final TreeSet<String> names = new TreeSet<>();
  private long rows;

  /** Labels that are numbers, but no integers that could name classes. */
  private long fractions;

  /** The first label that is no number; null if there is none. */
  private HoldfastException noNumber;

  private LabelScan(Path file, String column) {
    this.file = file;
    this.column = column;
  }

  static LabelScan of(Columns columns, Path file) {
    LabelScan scan = new LabelScan(file, columns.label());
    try (Lines lines = new Lines(file)) {
      RowReader rows = RowReader.of(lines, columns, true);
      for (Row row = rows.next(); row != null; row = rows.next()) {
        String label = row.label().text();
        if (label.isBlank()) {
          throw lines.error(row.line(), row.label().column(), "no label; give every row one");
        }
        boolean number = Double.isFinite(Text.number(label));
        scan.see(label, number);
        if (scan.noNumber == null && !number) {
          scan.noNumber =
              lines.error(
                  row.line(),
                  row.label().column(),
                  "label "
                      + Text.quote(label)
                      + " among numbers: mend it, or give classes names that are no numbers");
        }
      }
      if (scan.names.isEmpty()) {
        throw lines.error(0, 0, "the file has no rows");
      }
    }
    return scan;
  }

  private void see(String label, boolean number) {
    rows++;
    fractions += number && !isInteger(label) ? 1 : 0;
    if (names.size() <= MOST) {
      names.add(label);
    }
  }

  /** All labels are numbers and not all are integers. */
  boolean looksLikeRegression() {
    return noNumber == null && fractions > 0;
  }

  /** Throws (kind DATA) if most labels are fractions and one is no number. */
  void requireOneKind() {
    if (2 * fractions > rows && noNumber != null) {
      throw noNumber;
    }
  }

  /** Class names in the order of their ids. */
  List<String> classes() {
    String place = file + ": column '" + column + "' ";
    if (names.size() > MOST) {
      throw fail(
          place
              + "has more than "
              + MOST
              + " labels; is it the label? A number needs --regression");
    }
    if (names.size() < 2) {
      throw fail(
          place
              + "has the one label "
              + Text.list(new ArrayList<>(names))
              + "; a task needs two or more");
    }
    return sorted(names);
  }

  /** Integers in their order, other names sorted. */
  static List<String> sorted(Collection<String> labels) {
    List<String> sorted = new ArrayList<>(labels);
    boolean integers = labels.stream().allMatch(LabelScan::isInteger);
    sorted.sort(integers ? Comparator.comparingInt(Integer::parseInt) : Comparator.naturalOrder());
    return sorted;
  }

  private static boolean isInteger(String label) {
    return label.matches("-?\\d{1,9}");
  }

  private static HoldfastException fail(String message) {
    return new HoldfastException(HoldfastException.Kind.DATA, message);
  }
}
