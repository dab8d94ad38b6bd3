package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.data.DatasetReader;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.run.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that predict a value, from files to files. */
class RegressionRunTest {

  @TempDir Path folder;

  private TinyRun tiny;

  @BeforeEach
  void write() throws IOException {
    tiny = new TinyRun(folder, 12);
    tiny.writePairs(400);
  }

  @Test
  void similarity() throws IOException {
    Path test = tiny.data().resolve("dev.tsv");
    Map<String, String> options =
        tiny.options(
            "out",
            "task",
            "stsb",
            "criterion",
            "r3f",
            "num_train_epochs",
            "8",
            "learning_rate",
            "2e-3",
            "warmup",
            "0.1",
            "test_file",
            test.toString());
    Outcome outcome = tiny.run(options);
    assertTrue(outcome.best().get("pearson") > 0.8, "learned: " + outcome);
    double combined = (outcome.best().get("pearson") + outcome.best().get("spearmanr")) / 2;
    assertEquals(combined, outcome.best().get("combined_score"), 1e-12);
    List<ObjectNode> evaluations = evaluations("out");
    double best =
        evaluations.stream()
            .mapToDouble(e -> e.get("combined_score").asDouble())
            .max()
            .orElseThrow();
    assertEquals(best, combined, 1e-12);

    Path out = tiny.output("out");
    try (Predictor predictor =
        Predictor.open(out.toString(), Predictor.Settings.defaults(), ProgressListener.SILENT)) {
      Map<String, Double> again = predictor.evaluate(Tasks.named("stsb"), test);
      outcome.best().forEach((name, value) -> assertEquals(value, again.get(name), 1e-6, name));
      List<String> lines = Files.readAllLines(out.resolve("predict_results_stsb.txt"));
      List<Prediction> predictions =
          predictor.predict(DatasetReader.read(Tasks.named("stsb"), test, false, 0));
      assertEquals(predictions.size() + 1, lines.size());
      for (int i = 0; i < predictions.size(); i++) {
        double value = predictions.get(i).value();
        assertEquals(i + "\t" + String.format(Locale.ROOT, "%.3f", value), lines.get(i + 1));
      }
    }
  }

  /** Fractions need no flag, and the lowest squared error is the best. */
  @Test
  void fractionsOfOnesOwn() throws IOException {
    List<String> warnings = new ArrayList<>();
    ProgressListener listener = TinyRun.warningsTo(warnings);
    Map<String, String> options =
        tiny.options(
            "out",
            "text_column",
            "sentence1",
            "text_pair_column",
            "sentence2",
            "label_column",
            "score",
            "metric_for_best_model",
            "mse",
            "num_train_epochs",
            "4");
    options.keySet().removeAll(List.of("task", "data_dir"));
    options.put("train_file", tiny.data().resolve("train.tsv").toString());
    options.put("validation_file", tiny.data().resolve("dev.tsv").toString());
    Outcome outcome = tiny.run(options, listener, new StopSignal());
    assertTrue(warnings.stream().anyMatch(w -> w.contains("--regression")), "" + warnings);
    List<ObjectNode> evaluations = evaluations("out");
    assertEquals(4, evaluations.size());
    double least =
        evaluations.stream().mapToDouble(e -> e.get("mse").asDouble()).min().orElseThrow();
    assertTrue(least < evaluations.get(0).get("mse").asDouble());
    assertEquals(least, outcome.best().get("mse"), 1e-12);
  }

  private List<ObjectNode> evaluations(String output) throws IOException {
    return Files.readAllLines(tiny.output(output).resolve("metrics.jsonl")).stream()
        .map(Json::parse)
        .filter(line -> line.get("split").asText().equals("eval"))
        .toList();
  }
}
