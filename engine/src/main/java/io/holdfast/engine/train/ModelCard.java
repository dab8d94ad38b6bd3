package io.holdfast.engine.train;

import com.fasterxml.jackson.databind.JsonNode;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.engine.run.Versions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** README.md of a trained model: what it is, how it was made, how good it is. */
final class ModelCard {

  private static final String BODY =
      """

      # %s, fine-tuned with %s

      Started from `%s`; trained by Holdfast %s on %d rows for %d updates.

      ## Results

      %s
      ## Recipe

      | option | value |
      |---|---|
      %s
      ## Limits

      The numbers are of one seed on one data set. `run.json` has the whole configuration, the
      hashes of the data and the machine; `metrics.jsonl` has every logged value.
      """;

  /** Options that say where files lie on one machine. */
  private static final List<String> PLACES =
      List.of("model", "data_dir", "train_file", "validation_file", "test_file", "output_dir");

  private ModelCard() {}

  static void write(
      RunFolder folder,
      TrainConfig config,
      JsonNode baseConfig,
      RunData data,
      TrainState state,
      Map<String, Double> majority) {
    Task task = data.train().data().task();
    String hub = CardMetadata.baseModel(config.model(), baseConfig);
    String base = hub == null ? name(Path.of(config.model())) : hub;
    String head = CardMetadata.of(name(folder.path()), hub, config, data, state.best);
    String body =
        BODY.formatted(
            task.name(),
            config.criterion(),
            base,
            Versions.holdfast(),
            data.train().size(),
            state.step,
            results(data, state, majority),
            recipe(config));
    folder.write("README.md", head + body);
  }

  private static final String AVERAGE =
      """
      ---
      library_name: transformers
      tags:
      - text-classification
      - holdfast
      ---

      # %s, an average of models

      Made by Holdfast %s: %s. Nothing was trained.

      | model |
      |---|
      %s
      ## Tried

      | mixture | metrics |
      |---|---|
      %s
      """;

  /**
   * Of an average of models.
   *
   * @param base null: a soup
   * @param tried metrics by mixture
   */
  static String ofAverage(
      Path folder,
      List<String> models,
      String base,
      String chosen,
      Map<String, Map<String, Double>> tried) {
    List<String> sources = new ArrayList<>(models);
    if (base != null) {
      sources.add(base + " (the base)");
    }
    return AVERAGE.formatted(
        name(folder),
        Versions.holdfast(),
        chosen,
        sources.stream().map(ModelCard::row).collect(Collectors.joining()),
        tried.entrySet().stream()
            .map(
                entry ->
                    row(
                        entry.getKey(),
                        entry.getValue().entrySet().stream()
                            .map(m -> m.getKey() + " " + number(m.getValue()))
                            .collect(Collectors.joining(", "))))
            .collect(Collectors.joining()));
  }

  private static String name(Path folder) {
    return folder.toAbsolutePath().normalize().getFileName().toString();
  }

  private static String results(RunData data, TrainState state, Map<String, Double> majority) {
    if (state.bestStep == 0) {
      return "Not evaluated.\n";
    }
    return "On "
        + data.dev().size()
        + " evaluation rows, the best of the run (update "
        + state.bestStep
        + "):\n\n| metric | majority answer | this model |\n|---|---|---|\n"
        + state.best.entrySet().stream()
            .map(m -> row(m.getKey(), number(majority.get(m.getKey())), number(m.getValue())))
            .collect(Collectors.joining());
  }

  private static String recipe(TrainConfig config) {
    return config.toMap().entrySet().stream()
        .filter(e -> e.getValue() != null && !PLACES.contains(e.getKey()))
        .map(e -> row(e.getKey(), String.valueOf(e.getValue())))
        .collect(Collectors.joining());
  }

  private static String row(String... cells) {
    return Stream.of(cells)
        .map(cell -> cell.replace("|", "\\|"))
        .collect(Collectors.joining(" | ", "| ", " |\n"));
  }

  private static String number(Double value) {
    return value == null ? "–" : String.format(Locale.ROOT, "%.4f", value);
  }
}
