package io.holdfast.engine.train;

import com.fasterxml.jackson.databind.JsonNode;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.run.Json;
import io.holdfast.model.io.Assets;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The YAML head of a model card, with the keys that Hugging Face's hub reads. The license, and the
 * language where the task does not say it, are those of the base model's card; what is not known is
 * left out.
 */
final class CardMetadata {

  private static final String FENCE = "---";
  private static final Set<String> INHERITED =
      Set.of("license", "license_name", "license_link", "language");

  /** Lines of a card's head that can be copied without being understood. */
  private static final Pattern PLAIN = Pattern.compile("[\\w .,:/'\"\\[\\]+-]*");

  private static final int LONGEST_HEAD = 1000;

  /** What the files that {@link Assets#MINILM} names do not say of themselves. */
  private static final String MINILM = "sentence-transformers/all-MiniLM-L6-v2";

  private static final String MINILM_CARD = "license: apache-2.0\nlanguage: en\n";

  private static final Pattern NAME = Pattern.compile("\\w[\\w.-]*(/[\\w.-]+)?");

  /** A model in the hub's cache: models--OWNER--NAME/snapshots/HASH. */
  private static final Pattern CACHED = Pattern.compile("(?:.*/)?models--([\\w.-]+)/snapshots/.*");

  private CardMetadata() {}

  /**
   * The name of the base model on the hub; null if it is not known.
   *
   * @param config config.json of the base model
   */
  static String baseModel(String model, JsonNode config) {
    if (model.equals(Assets.MINILM)) {
      return MINILM;
    }
    Matcher cached = CACHED.matcher(model);
    if (cached.matches()) {
      return cached.group(1).replace("--", "/");
    }
    String saved = config.path("_name_or_path").asText();
    return NAME.matcher(saved).matches() ? saved : null;
  }

  /**
   * The head with its fences.
   *
   * @param name of the trained model
   * @param metrics of the best evaluation; empty if there was none
   */
  static String of(
      String name,
      String baseModel,
      TrainConfig config,
      RunData data,
      Map<String, Double> metrics) {
    StringBuilder head = new StringBuilder(FENCE).append('\n');
    String inherited =
        config.model().equals(Assets.MINILM) ? MINILM_CARD : inherited(Path.of(config.model()));
    head.append(inherited);
    if (config.task() != null && !inherited.contains("language:")) {
      head.append("language: en\n");
    }
    head.append("library_name: transformers\npipeline_tag: text-classification\n");
    head.append(baseModel == null ? "" : "base_model: " + quoted(baseModel) + "\n");
    head.append(config.task() == null ? "" : "datasets:\n- nyu-mll/glue\n");
    head.append("tags:\n- holdfast\n- ").append(quoted(config.criterion())).append('\n');
    Map<String, Double> known = new LinkedHashMap<>(metrics);
    known.values().removeIf(value -> !Double.isFinite(value));
    known.remove("loss");
    if (!known.isEmpty()) {
      head.append("metrics:\n");
      known.keySet().stream()
          .filter(metric -> !metric.equals(Tasks.COMBINED))
          .map(CardMetadata::onHub)
          .distinct()
          .forEach(metric -> head.append("- ").append(metric).append('\n'));
      head.append(index(name, dataset(config, data), known));
    }
    return head.append(FENCE).append('\n').toString();
  }

  /** The hub's name of a metric. */
  private static String onHub(String metric) {
    return switch (metric) {
      case Tasks.PEARSON -> "pearsonr";
      case Tasks.MACRO_F1 -> "f1";
      default -> metric;
    };
  }

  private static String index(String name, String dataset, Map<String, Double> metrics) {
    return """
    model-index:
    - name: %s
      results:
      - task:
          type: text-classification
        dataset:
    %s    metrics:
    %s"""
        .formatted(
            quoted(name),
            dataset,
            metrics.entrySet().stream()
                .map(
                    m ->
                        "    - type: %s\n      name: %s\n      value: %s\n"
                            .formatted(onHub(m.getKey()), m.getKey(), number(m.getValue())))
                .collect(Collectors.joining()));
  }

  private static String dataset(TrainConfig config, RunData data) {
    if (config.task() == null) {
      String file = data.dev().data().file().getFileName().toString();
      return "      type: custom\n      name: %s\n".formatted(quoted(file));
    }
    String task = data.dev().data().task().name();
    String subset = task.equals("mnli-mm") ? "mnli" : task;
    String split =
        switch (task) {
          case "mnli" -> "validation_matched";
          case "mnli-mm" -> "validation_mismatched";
          default -> "validation";
        };
    return "      type: nyu-mll/glue\n      name: GLUE %s\n      config: %s\n      split: %s\n"
        .formatted(subset, subset, split);
  }

  private static String quoted(String text) {
    return Json.tree(text).toString();
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  /**
   * The lines of the keys to take over from the head of the base model's card, where it has one.
   */
  private static String inherited(Path model) {
    StringBuilder kept = new StringBuilder();
    boolean keeps = false;
    try (BufferedReader card = Files.newBufferedReader(model.resolve("README.md"))) {
      String line = FENCE.equals(card.readLine()) ? card.readLine() : null;
      for (int i = 0; i < LONGEST_HEAD && line != null; i++, line = card.readLine()) {
        if (line.equals(FENCE)) {
          return kept.toString();
        }
        boolean continues = line.startsWith(" ") || line.startsWith("-");
        keeps = continues ? keeps : INHERITED.contains(line.split(":", 2)[0]);
        if (keeps && PLAIN.matcher(line).matches()) {
          kept.append(line).append('\n');
        }
      }
    } catch (IOException e) {
      return ""; // no card, or none that is text
    }
    return "";
  }
}
