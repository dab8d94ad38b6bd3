package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Precision;
import io.holdfast.model.io.ModelFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs that evaluate and save an average of their weights. */
class AveragedRunTest {

  private static final int STEPS = 11;

  @TempDir Path folder;

  private TinyRun tiny;

  @BeforeEach
  void tiny() {
    tiny = new TinyRun(folder, 60);
  }

  private Outcome train(String more) {
    return tiny.run(tiny.options("out", more.split(" ")));
  }

  private Path file(int step, String name) {
    return tiny.output("out").resolve("checkpoint-" + step).resolve(name + ".safetensors");
  }

  /** From the weights of every update, as the checkpoints have them, in double. */
  @ParameterizedTest
  @CsvSource({"ema, 3, 2, 0.8", "swa, 3, 2, 0", "ema, 4, 1, 0.3", "swa, 0, 1, 0", "swa, 8, 3, 0"})
  void theAverageIsItsClosedForm(String kind, int start, int every, double decay)
      throws IOException {
    train(
        "max_steps "
            + STEPS
            + " save_strategy steps save_steps 1 save_total_limit 0 eval_strategy no average "
            + kind
            + (" average_start " + start + " average_every " + every + " average_decay " + decay));
    List<Integer> taken = new ArrayList<>();
    for (int step = start + every; step <= STEPS; step += every) {
      taken.add(step);
    }
    Map<String, float[]> average = StrategiesTest.read(file(STEPS, "average"));
    Map<String, double[]> expected = weights(kind, decay, start, taken);
    for (String name : average.keySet()) {
      double[] actual = new double[average.get(name).length];
      for (int i = 0; i < actual.length; i++) {
        actual[i] = average.get(name)[i];
      }
      // At most 11 roundings of numbers up to 2.
      assertArrayEquals(expected.get(name), actual, 11 * 2 * 0x1p-24, name);
    }
    // Without evaluations the last average is the model.
    assertArrayEquals(
        Files.readAllBytes(file(STEPS, "average")),
        Files.readAllBytes(tiny.output("out").resolve("model.safetensors")));
  }

  /** The mean, or a sum whose factors are products of decays (2/11, 3/12, … at first). */
  private Map<String, double[]> weights(String kind, double decay, int start, List<Integer> taken) {
    Map<String, double[]> sum = new HashMap<>();
    int n = taken.size();
    double kept = 1;
    for (int k = n; k >= 1; k--) {
      double d = Math.min(decay, (1.0 + k) / (10 + k));
      add(sum, taken.get(k - 1), kind.equals("ema") ? kept * (1 - d) : 1.0 / n);
      kept *= d;
    }
    if (kind.equals("ema")) {
      add(sum, start, kept);
    }
    return sum;
  }

  private void add(Map<String, double[]> sum, int step, double factor) {
    StrategiesTest.read(file(step, "model"))
        .forEach(
            (name, values) -> {
              double[] to = sum.computeIfAbsent(name, key -> new double[values.length]);
              for (int i = 0; i < to.length; i++) {
                to[i] += factor * values[i];
              }
            });
  }

  @Test
  void evaluationsAreOfTheAverageAndSoIsTheModel() throws IOException {
    Outcome outcome = train("num_train_epochs 6 average swa average_start 0.125");
    int best = outcome.bestStep();
    assertEquals(48, outcome.steps());
    assertTrue(best > 6 && best < 48, "of an average that is not the last: " + best);
    byte[] model = Files.readAllBytes(tiny.output("out").resolve("model.safetensors"));
    assertArrayEquals(Files.readAllBytes(file(best, "average")), model);
    Map<String, Double> ofAverage = evaluate();
    assertEquals(outcome.best().get("loss"), ofAverage.get("loss"), 1e-6);
    Path checkpoint = tiny.output("out").resolve("checkpoint-" + best);
    HoldfastException e = assertThrows(HoldfastException.class, () -> ModelFolder.open(checkpoint));
    assertTrue(e.getMessage().contains("the run's folder, whose model is the average"));

    Files.copy(
        file(best, "model"),
        tiny.output("out").resolve("model.safetensors"),
        StandardCopyOption.REPLACE_EXISTING);
    assertFalse(
        Math.abs(evaluate().get("loss") - ofAverage.get("loss")) < 1e-4, "not the raw weights'");
  }

  /** The model that such a run saves would be the one it began with, or has no average. */
  @ParameterizedTest
  @CsvSource({"0, 5", "3, 2", "5, 1", "0.75, 2"})
  void aRunThatEndsBeforeItAveragesIsRefused(String start, int every) {
    HoldfastException e =
        assertThrows(
            HoldfastException.class,
            () ->
                train(
                    "max_steps 4 average swa average_start " + start + " average_every " + every));
    assertEquals(HoldfastException.Kind.USAGE, e.kind());
    assertTrue(e.getMessage().contains("of 4 updates none would be averaged"), e.getMessage());
  }

  static List<String> criteria() {
    return Criteria.names();
  }

  /** What the run says of its average is what the saved model does. */
  @ParameterizedTest
  @MethodSource("criteria")
  void everyCriterionCombinesWithAllStrategies(String criterion) {
    Outcome outcome =
        train(
            "average ema average_decay 0.5 mixout 0.2 llrd 0.9 freeze_embeddings true"
                + " reinit_layers 1 head_learning_rate 2e-3 max_steps 4 criterion "
                + criterion);
    assertEquals(4, outcome.bestStep());
    assertEquals(outcome.best().get("loss"), evaluate().get("loss"), 1e-6);
  }

  private Map<String, Double> evaluate() {
    Predictor.Settings settings = new Predictor.Settings("cpu", 1, Precision.FP32, 24, 32);
    String model = tiny.output("out").toString();
    try (Predictor predictor = Predictor.open(model, settings, ProgressListener.SILENT)) {
      return predictor.evaluate(Tasks.named("cola"), tiny.data().resolve("dev.tsv"));
    }
  }

  /** Its own learning rate spoils the weights from the start of the average on. */
  @Test
  void noModelFromBeforeTheAverageIsTheBest() throws IOException {
    Outcome outcome =
        train(
            "num_train_epochs 3 average swa average_start 16 average_learning_rate 0.5"
                + " metric_for_best_model loss");
    List<Double> losses = new ArrayList<>();
    for (String line : Files.readAllLines(tiny.output("out").resolve("metrics.jsonl"))) {
      ObjectNode values = Json.parse(line);
      if (values.get("split").asText().equals("eval")) {
        losses.add(values.get("loss").asDouble());
      }
    }
    assertTrue(losses.get(2) > losses.get(0), "spoilt, epoch by epoch: " + losses);
    assertEquals(24, outcome.bestStep());
    byte[] model = Files.readAllBytes(tiny.output("out").resolve("model.safetensors"));
    assertArrayEquals(Files.readAllBytes(file(24, "average")), model);
  }

  /** Epochs of 8 updates that change nothing: after the first evaluation none is better. */
  @Test
  void noRunStopsEarlyBeforeItsAverage() {
    String settings = "num_train_epochs 6 learning_rate 1e-12 patience 1";
    assertEquals(16, tiny.run(tiny.options("plain", settings.split(" "))).steps());
    assertEquals(32, train(settings + " average swa average_start 17").steps());
    // From update 17 and 25: the evaluation after 24 updates is not of an average yet.
    String rarely = settings + " average swa average_start 17 average_every 8";
    assertEquals(40, tiny.run(tiny.options("rarely", rarely.split(" "))).steps());
  }
}
