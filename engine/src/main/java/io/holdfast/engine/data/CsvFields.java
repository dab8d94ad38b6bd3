package io.holdfast.engine.data;

/**
 * Comma-separated values as RFC 4180 defines them: a field in double quotes may hold commas, line
 * ends and doubled quotes. Line ends within a field become LF.
 */
final class CsvFields implements Fields.Source {

  private final Lines lines;
  private String line;
  private int at;

  CsvFields(Lines lines) {
    this.lines = lines;
  }

  @Override
  public Fields next() {
    line = lines.nextRow();
    if (line == null) {
      return null;
    }
    at = 0;
    Fields fields = new Fields(lines.number());
    boolean more = true;
    while (more) {
      int column = at + 1;
      fields.add(at < line.length() && line.charAt(at) == '"' ? quoted() : plain(), column);
      more = at < line.length();
      at++;
    }
    return fields;
  }

  /** Leaves {@code at} on the comma or the line's end. */
  private String plain() {
    int comma = line.indexOf(',', at);
    int end = comma < 0 ? line.length() : comma;
    String value = line.substring(at, end);
    int quote = value.indexOf('"');
    if (quote >= 0) {
      throw lines.error(
          lines.number(),
          at + quote + 1,
          "quote within an unquoted field; put the field in quotes and double the quote");
    }
    at = end;
    return value;
  }

  private String quoted() {
    int openLine = lines.number();
    int openColumn = at + 1;
    StringBuilder value = new StringBuilder();
    at++;
    while (true) {
      int quote = line.indexOf('"', at);
      if (quote < 0) {
        value.append(line, at, line.length()).append('\n');
        line = value.length() > Lines.LONGEST ? null : lines.next();
        if (line == null) {
          throw lines.error(openLine, openColumn, "quote is opened here and never closed");
        }
        at = 0;
      } else if (line.startsWith("\"\"", quote)) {
        value.append(line, at, quote + 1);
        at = quote + 2;
      } else {
        value.append(line, at, quote);
        at = quote + 1;
        break;
      }
    }
    if (at < line.length() && line.charAt(at) != ',') {
      throw lines.error(
          lines.number(), at + 1, "text after a closing quote; double quotes within a field");
    }
    return value.toString();
  }
}
