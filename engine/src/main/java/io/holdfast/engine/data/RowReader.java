package io.holdfast.engine.data;

import io.holdfast.kernels.HoldfastException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Rows of a file, one at a time, in any of the formats read here. */
interface RowReader {

  /** The next row, or null after the last. */
  Row next();

  /** Lines worth telling the user, complete after the last row. */
  List<String> notes();

  /**
   * The reader for a file, by the ending of its name: .csv, .jsonl (.json, .ndjson), and
   * tab-separated values for everything else.
   */
  static RowReader of(Lines lines, Columns columns, boolean labelled) {
    return switch (ending(lines.file())) {
      case "csv" -> new DelimitedRows(lines, new CsvFields(lines), columns, labelled);
      case "jsonl", "json", "ndjson" -> new JsonRows(lines, columns, labelled);
      case "tsv", "txt", "" -> new DelimitedRows(lines, new TsvFields(lines), columns, labelled);
      default ->
          throw new HoldfastException(
              HoldfastException.Kind.DATA,
              lines.file() + ": unknown format; name it .tsv, .csv or .jsonl");
    };
  }

  private static String ending(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.contains(".") ? name.substring(name.lastIndexOf('.') + 1) : "";
  }
}
