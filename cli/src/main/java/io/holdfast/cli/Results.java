package io.holdfast.cli;

import io.holdfast.engine.run.Json;
import io.holdfast.engine.train.Outcome;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Results on stdout: text for people, or JSON. */
public final class Results {

  private Results() {}

  /** One JSON object on one line; numbers that JSON cannot write become null. */
  public static void json(Map<?, ?> object) {
    System.out.println(Json.line(Json.tree(finite(object))));
  }

  private static Object finite(Object value) {
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      map.forEach((key, inner) -> copy.put(key, finite(inner)));
      return copy;
    } else if (value instanceof List<?> list) {
      List<Object> copy = new ArrayList<>();
      list.forEach(inner -> copy.add(finite(inner)));
      return copy;
    }
    return value instanceof Double d && !Double.isFinite(d) ? null : value;
  }

  /** "name value" lines. */
  static void text(Map<String, Double> metrics) {
    metrics.forEach((name, value) -> System.out.printf(Locale.ROOT, "%-24s %.4f%n", name, value));
  }

  /** Majority class, before and after, a metric a line; columns without numbers are left out. */
  public static void table(Outcome outcome) {
    Map<String, Map<String, Double>> columns = new LinkedHashMap<>();
    columns.put("majority", outcome.majority());
    columns.put("before", outcome.before());
    columns.put("after", outcome.best());
    columns.values().removeIf(Map::isEmpty);
    StringBuilder table = new StringBuilder("%-24s".formatted(""));
    columns.keySet().forEach(name -> table.append("%10s".formatted(name)));
    for (String metric : outcome.best().keySet()) {
      table.append(System.lineSeparator()).append("%-24s".formatted(metric));
      for (Map<String, Double> column : columns.values()) {
        Double value = column.get(metric);
        table.append(value == null ? "%10s".formatted("-") : "%10.4f".formatted(value));
      }
    }
    System.out.println(table);
  }

  /** What a run came to, for --json. */
  static Map<String, Object> of(Outcome outcome) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("status", outcome.status().name().toLowerCase(Locale.ROOT));
    result.put("steps", outcome.steps());
    result.put("best_step", outcome.bestStep());
    result.put("eval", outcome.best());
    result.put("before", outcome.before());
    result.put("majority", outcome.majority());
    result.put("train_loss", outcome.trainLoss());
    result.put("train_seconds", outcome.elapsed().toMillis() / 1000.0);
    result.putAll(outcome.cost().toMap());
    result.put("output_dir", outcome.outputDir().toString());
    return result;
  }
}
