package io.holdfast.engine.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A drawing, built element by element. Colours and line widths are classes of the page's style: c0
 * … c6 name a colour, which a mark fills and a line strokes.
 */
final class Svg {

  /** Colours, and shapes of marks: more arms than colours get other shapes. */
  static final int COLOURS = 7;

  private static final int SHAPES = 4;
  private static final double RADIUS = 4;

  private final StringBuilder out = new StringBuilder();

  /**
   * @param label what the drawing shows, for who cannot see it
   */
  Svg(double width, double height, String label) {
    add(
        "<svg viewBox=\"0 0 %s %s\" width=\"%s\" role=\"img\" aria-label=\"%s\">",
        width, height, width, escaped(label));
  }

  void line(double x1, double y1, double x2, double y2, String style) {
    add("<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" class=\"%s\"/>", x1, y1, x2, y2, style);
  }

  void box(double x, double y, double width, double height, String style) {
    add(
        "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" class=\"%s\"/>",
        x, y, width, height, style);
  }

  /** Points as x, y pairs. */
  void path(List<double[]> points, String style) {
    String places =
        points.stream()
            .map(p -> number(p[0]) + "," + number(p[1]))
            .collect(Collectors.joining(" "));
    add("<polyline points=\"%s\" class=\"%s\"/>", places, style);
  }

  /**
   * @param anchor "start", "middle" or "end"
   */
  void text(double x, double y, String anchor, String style, String text) {
    add(
        "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\" class=\"%s\">%s</text>",
        x, y, anchor, style, escaped(text));
  }

  /** Text that runs upwards, its middle at the given place. */
  void upwards(double x, double y, String text) {
    add(
        "<text transform=\"translate(%s %s) rotate(-90)\" text-anchor=\"middle\">%s</text>",
        x, y, escaped(text));
  }

  /** A filled mark of the arm's colour and shape; it tells {@code tip} under the pointer. */
  void mark(int arm, double x, double y, String tip) {
    path(shape(arm, x, y), "mark", arm, tip);
  }

  /** A cross: a run that failed. */
  void cross(int arm, double x, double y, String tip) {
    String d = tag("M%s %sl8 8m0 -8l-8 8", x - RADIUS, y - RADIUS);
    path(d, "cross", arm, tip);
  }

  private void path(String d, String style, int arm, String tip) {
    add(
        "<path d=\"%s\" class=\"%s c%s\"><title>%s</title></path>",
        d, style, arm % COLOURS, escaped(tip));
  }

  private void add(String format, Object... values) {
    out.append(tag(format, values)).append('\n');
  }

  private static String shape(int arm, double x, double y) {
    return switch ((arm % COLOURS + arm / COLOURS) % SHAPES) {
      case 0 -> tag("M%s %sa4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - RADIUS, y);
      case 1 -> tag("M%s %sh7v7h-7z", x - 3.5, y - 3.5);
      case 2 -> tag("M%s %sl5 8h-10z", x, y - 5);
      default -> tag("M%s %sl5 5l-5 5l-5 -5z", x, y - 5);
    };
  }

  String end() {
    return out.append("</svg>\n").toString();
  }

  static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  private static String tag(String format, Object... values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = values[i] instanceof Double d ? number(d) : values[i];
    }
    return format.formatted(values);
  }

  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.1f", value);
    return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
  }
}
