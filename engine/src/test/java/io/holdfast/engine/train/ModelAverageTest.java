package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Precision;
import io.holdfast.model.files.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelAverageTest {

  private static final Predictor.Settings SETTINGS =
      new Predictor.Settings("cpu", 1, Precision.FP32, 24, 32);

  @TempDir Path folder;

  private TinyRun tiny;

  @BeforeEach
  void tiny() {
    tiny = new TinyRun(folder, 200);
  }

  private String train(String name, String... more) {
    tiny.run(tiny.options(name, more));
    return tiny.output(name).toString();
  }

  private ModelAverage open(String... models) {
    return ModelAverage.open(List.of(models), SETTINGS, ProgressListener.SILENT);
  }

  private ModelAverage.Data data() {
    return new ModelAverage.Data(Tasks.named("cola"), tiny.data().resolve("dev.tsv"));
  }

  private Map<String, float[]> weights(String model) {
    return StrategiesTest.read(Path.of(model).resolve("model.safetensors"));
  }

  private Map<String, Double> evaluate(String model) {
    Task task = Tasks.named("cola");
    try (Predictor predictor = Predictor.open(model, SETTINGS, ProgressListener.SILENT)) {
      return predictor.evaluate(task, tiny.data().resolve("dev.tsv"));
    }
  }

  /** The mean of three in double, within the rounding of three steps of numbers up to 2. */
  @Test
  void theUniformSoupIsTheMean() throws IOException {
    String[] models = new String[3];
    for (int i = 0; i < 3; i++) {
      models[i] = train("run" + i, "max_steps", "6", "seed", String.valueOf(i));
    }
    Path out = tiny.output("soup");
    try (ModelAverage average = open(models)) {
      average.uniform(data());
      average.save(out, null);
      assertEquals("mean of 3", average.chosen());
      assertEquals(average.candidates().get("mean of 3"), evaluate(out.toString()));
    }
    Map<String, float[]> soup = weights(out.toString());
    List<Map<String, float[]>> all = List.of(models).stream().map(this::weights).toList();
    for (String name : soup.keySet()) {
      for (int i = 0; i < soup.get(name).length; i++) {
        double sum = 0;
        for (Map<String, float[]> one : all) {
          sum += one.get(name)[i];
        }
        assertEquals(sum / 3, soup.get(name)[i], 6 * 0x1p-23, name);
      }
    }
    assertTrue(Files.readString(out.resolve("README.md")).contains("| mean of 3 |"));
    HoldfastException e = assertThrows(HoldfastException.class, () -> again(out, models));
    assertEquals(HoldfastException.Kind.USAGE, e.kind());
  }

  private void again(Path out, String[] models) {
    try (ModelAverage average = open(models)) {
      average.uniform(null);
      average.save(out, null);
    }
  }

  /** A spoilt model must not join; a copy of the best leaves the score as it is and joins. */
  @Test
  void theGreedySoupLeavesOutWhatMakesItWorse() throws IOException {
    String good = train("good", "num_train_epochs", "6");
    String bad = train("bad", "max_steps", "8", "learning_rate", "0.5");
    String copy = tiny.output("copy").toString();
    Files.createDirectories(Path.of(copy));
    for (String file : new String[] {"config.json", "model.safetensors", "tokenizer.json"}) {
      Files.copy(Path.of(good, file), Path.of(copy, file));
    }
    Files.copy(Path.of(good, "tokenizer_config.json"), Path.of(copy, "tokenizer_config.json"));
    Map<String, Double> alone = evaluate(good);
    assertTrue(alone.get("matthews_correlation") > evaluate(bad).get("matthews_correlation"));
    try (ModelAverage average = open(bad, good, copy)) {
      average.greedy(data());
      average.save(tiny.output("soup"), null);
      assertEquals(good + " + " + copy, average.chosen());
      assertEquals(5, average.candidates().size(), "three alone, two that join");
    }
    assertEquals(alone, evaluate(tiny.output("soup").toString()));
  }

  @Test
  void interpolationIsTheBaseAtZeroAndTheModelAtOne() {
    String model = train("run", "num_train_epochs", "6");
    String base = tiny.model().toString();
    try (ModelAverage average = open(model)) {
      average.interpolate(base, List.of(0.25, 0.0, 1.0), data());
      String best = "alpha 1.0";
      for (String name : List.of("alpha 0.25", "alpha 0.0")) {
        double score = average.candidates().get(name).get("matthews_correlation");
        double whole = average.candidates().get(best).get("matthews_correlation");
        assertTrue(score < whole, name + ": " + score + ", " + whole);
      }
      assertEquals(best, average.chosen());
      assertEquals(evaluate(model), average.candidates().get(best));
    }
    try (ModelAverage average = open(model)) {
      average.interpolate(base, List.of(0.25), null);
      average.save(tiny.output("quarter"), base);
    }
    Map<String, float[]> from = weights(base);
    Map<String, float[]> to = weights(model);
    weights(tiny.output("quarter").toString())
        .forEach(
            (name, values) -> {
              for (int i = 0; i < values.length; i++) {
                boolean head = name.startsWith("classifier."); // the base answers something else
                double wanted = 0.75 * (head ? to : from).get(name)[i];
                wanted += 0.25 * to.get(name)[i];
                assertEquals(wanted, values[i], 0x1p-22, name);
              }
            });
  }

  @Test
  void checkpointsOfARunAreModelsToo() {
    String run = train("run", "max_steps", "4", "save_strategy", "steps", "save_steps", "2");
    String last = run + "/checkpoint-4";
    try (ModelAverage average = open(last, last)) {
      average.uniform(null);
      average.save(tiny.output("soup"), null);
    }
    assertArrayEquals(
        StrategiesTest.read(Path.of(last, "model.safetensors")).get("classifier.weight"),
        weights(tiny.output("soup").toString()).get("classifier.weight"));
  }

  @Test
  void whatDoesNotFitIsSaidInOneLine() throws IOException {
    String model = train("run", "max_steps", "1");
    refused(model, "labels", "LABEL", json -> name(json, "LABEL_0", "other"));
    refused(
        model, "shape", "it is BERT of 2 layers", json -> json.put("max_position_embeddings", 9));
    String other = copy(model, "tokenizer");
    Path file = Path.of(other, "tokenizer.json");
    Files.writeString(file, Files.readString(file).replace("\"waf\"", "\"waf2\""));
    String said = refusal(model, other);
    assertTrue(said.endsWith("its tokenizer is another one"), said);
  }

  private static void name(ObjectNode json, String... labels) {
    Map<String, String> names = new LinkedHashMap<>();
    for (int i = 0; i < labels.length; i++) {
      names.put(String.valueOf(i), labels[i]);
    }
    json.set("id2label", Json.tree(names));
    json.remove("label2id");
  }

  private String copy(String model, String name) throws IOException {
    Path copy = Files.createDirectories(tiny.output("copy-" + name));
    for (String file : Path.of(model).toFile().list()) {
      if (file.endsWith(".json") || file.endsWith(".safetensors") || file.endsWith(".txt")) {
        Files.copy(Path.of(model, file), copy.resolve(file));
      }
    }
    return copy.toString();
  }

  private void refused(String model, String name, String part, Consumer<ObjectNode> edit)
      throws IOException {
    String other = copy(model, name);
    Path config = Path.of(other, "config.json");
    ObjectNode json = Json.parse(Files.readAllBytes(config));
    edit.accept(json);
    Files.writeString(config, StrictJson.print(json));
    String said = refusal(model, other);
    assertTrue(said.contains(part), said);
  }

  private String refusal(String model, String other) {
    try (ModelAverage average = open(model, other)) {
      HoldfastException e = assertThrows(HoldfastException.class, () -> average.uniform(null));
      assertEquals(HoldfastException.Kind.MODEL_FILE, e.kind());
      assertFalse(e.getMessage().contains("\n"));
      return e.getMessage();
    }
  }
}
