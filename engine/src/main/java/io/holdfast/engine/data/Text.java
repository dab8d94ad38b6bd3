package io.holdfast.engine.data;

import java.util.List;
import java.util.regex.Pattern;

/** Text from files: numbers in it, and how messages show it. */
final class Text {

  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d{1,4})?");

  private static final int LONGEST = 60;
  private static final int MOST = 20;

  private Text() {}

  /** A decimal number; NaN for anything else, also for Java's own spellings. */
  static double number(String text) {
    return NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
  }

  /** The text in quotes, control characters replaced, cut where it is long. */
  static String quote(String text) {
    String cut = text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
    return "'" + cut.replaceAll("\\p{Cntrl}", "?") + "'";
  }

  /** A list for a message: at most twenty, the rest counted. */
  static String list(List<String> names) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < Math.min(MOST, names.size()); i++) {
      text.append(i == 0 ? "" : ", ").append(quote(names.get(i)));
    }
    int more = names.size() - MOST;
    return text.append(more > 0 ? " and " + more + " more" : "").toString();
  }
}
