package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.data.Columns;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A saved model means the same wherever it is opened: length, labels, positive label, dropout. */
class SavedModelTest {

  /** Rows have up to 17 tokens: many are cut. */
  private static final String LENGTH = "7";

  private static final Columns OWN = Columns.named("text", null, "verdict");

  @TempDir Path folder;

  private TinyRun tiny;
  private Path out;
  private Outcome outcome;

  @BeforeEach
  void train() {
    tiny = new TinyRun(folder, 60);
    out = tiny.output("out");
    outcome = tiny.run(tiny.options("out", "max_seq_length", LENGTH, "num_train_epochs", "2"));
  }

  private static void edit(Path model, String key, Object value) throws IOException {
    Path file = model.resolve("config.json");
    ObjectNode json = Json.parse(Files.readAllBytes(file));
    json.set(key, Json.tree(value));
    Files.writeString(file, Json.pretty(json));
  }

  private static void name(Path model, String first, String second) throws IOException {
    edit(model, "label2id", null);
    edit(model, "id2label", Map.of("0", first, "1", second));
  }

  private Map<String, Double> evaluate(int maxSeqLength, Task task, Path file) {
    Predictor.Settings settings = new Predictor.Settings("cpu", 1, Precision.FP32, maxSeqLength, 7);
    try (Predictor predictor = Predictor.open(out.toString(), settings, ProgressListener.SILENT)) {
      return predictor.evaluate(task, file);
    }
  }

  /** The development rows with names of the user's own for the labels 0 and 1. */
  private Path own(String zero, String one) throws IOException {
    StringBuilder rows = new StringBuilder("verdict\ttext\n");
    for (String line : Files.readAllLines(tiny.data().resolve("dev.tsv"))) {
      String[] cells = line.split("\t");
      rows.append(cells[1].equals("0") ? zero : one).append('\t').append(cells[3]).append('\n');
    }
    return Files.writeString(folder.resolve("own.tsv"), rows);
  }

  /** What a run that continues from the model measures before its first update. */
  private Map<String, Double> before(Path own) {
    Map<String, String> more =
        tiny.options(
            "more" + (own == null),
            "max_seq_length",
            LENGTH,
            "max_steps",
            "1",
            "eval_on_start",
            "true");
    more.put("model", out.toString());
    if (own != null) {
      more.keySet().removeAll(List.of("task", "data_dir"));
      more.put("train_file", own.toString());
      more.put("validation_file", own.toString());
      more.put("text_column", "text");
      more.put("label_column", "verdict");
    }
    return tiny.run(more).before();
  }

  @Test
  void theTrainedLengthIsTheDefault() {
    Path dev = tiny.data().resolve("dev.tsv");
    assertEquals(outcome.best(), evaluate(0, Tasks.named("cola"), dev));
    double uncut = evaluate(24, Tasks.named("cola"), dev).get("loss");
    assertNotEquals(outcome.best().get("loss"), uncut, "longer rows say more");
  }

  @Test
  void unnamedLabelsMatchByPosition() throws IOException {
    name(out, "LABEL_0", "LABEL_1");
    Path dev = tiny.data().resolve("dev.tsv");
    assertEquals(outcome.best(), evaluate(0, Tasks.named("cola"), dev));
    assertEquals(outcome.best(), before(null));
    Path own = own("fine", "odd");
    Task task = Tasks.classification("custom", OWN, List.of("LABEL_0", "LABEL_1"));
    Map<String, Double> custom = evaluate(0, task, own);
    assertEquals(outcome.best().get("loss"), custom.get("loss"));
    assertEquals(custom, before(own));
  }

  @Test
  void theFirstLabelMayBeThePositiveOne() throws IOException {
    name(out, "pos", "neg");
    Path own = own("pos", "neg");
    Task task = Tasks.classification("custom", OWN, List.of("pos", "neg"));
    Map<String, Double> metrics = evaluate(0, task, own);
    assertEquals(outcome.best().get("loss"), metrics.get("loss"));
    assertEquals(metrics, before(own));
  }

  @Test
  void theHeadsDropoutFollowsUnlessTheFileSays() throws IOException {
    for (boolean says : new boolean[] {true, false}) {
      edit(tiny.model(), "classifier_dropout", says ? 0.25 : null);
      String name = "says" + says;
      tiny.run(tiny.options(name, "max_steps", "1", "hidden_dropout_prob", "0"));
      Path config = tiny.output(name).resolve("config.json");
      ObjectNode saved = Json.parse(Files.readAllBytes(config));
      assertEquals(0, saved.get("hidden_dropout_prob").asDouble());
      assertEquals(says ? 0.25 : 0, saved.get("classifier_dropout").asDouble());
    }
  }
}
