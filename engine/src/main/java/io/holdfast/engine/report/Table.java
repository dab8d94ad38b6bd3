package io.holdfast.engine.report;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A table of text whose first column names the row and whose other columns are numbers.
 *
 * @param rows as wide as the header
 */
record Table(List<String> header, List<List<String>> rows) {

  /** Columns aligned by blanks. */
  String text() {
    int[] widths =
        IntStream.range(0, header.size())
            .map(
                c ->
                    Math.max(
                        header.get(c).length(),
                        rows.stream().mapToInt(row -> row.get(c).length()).max().orElse(0)))
            .toArray();
    return line(header, widths)
        + rows.stream().map(row -> line(row, widths)).collect(Collectors.joining());
  }

  private static String line(List<String> cells, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int c = 0; c < widths.length; c++) {
      String space = " ".repeat(widths[c] - cells.get(c).length());
      line.append(c == 0 ? cells.get(c) + space : "  " + space + cells.get(c));
    }
    return line.toString().stripTrailing() + "\n";
  }

  String markdown() {
    String rule = "|---|" + "---:|".repeat(header.size() - 1) + "\n";
    return "| "
        + cells(header, " | ", cell -> cell)
        + " |\n"
        + rule
        + rows.stream()
            .map(row -> "| " + cells(row, " | ", cell -> cell.replace("|", "\\|")) + " |\n")
            .collect(Collectors.joining());
  }

  String html() {
    return "<table><thead><tr>"
        + cells(header, "", cell -> "<th>" + Svg.escaped(cell) + "</th>")
        + "</tr></thead><tbody>"
        + rows.stream()
            .map(row -> "<tr>" + cells(row, "", c -> "<td>" + Svg.escaped(c) + "</td>") + "</tr>")
            .collect(Collectors.joining("\n"))
        + "</tbody></table>\n";
  }

  private static String cells(List<String> cells, String between, UnaryOperator<String> shown) {
    return cells.stream().map(shown).collect(Collectors.joining(between));
  }
}
