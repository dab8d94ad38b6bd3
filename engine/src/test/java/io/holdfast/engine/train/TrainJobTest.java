package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.HoldfastException.Kind;
import io.holdfast.kernels.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs of a tiny model, from files to files. */
class TrainJobTest {

  private static final Predictor.Settings SETTINGS =
      new Predictor.Settings("cpu", 1, Precision.FP32, 24, 7);

  @TempDir Path folder;

  private static ObjectNode json(Path file) throws IOException {
    return Json.parse(Files.readAllBytes(file));
  }

  private static void refused(Kind kind, String part, Runnable run) {
    HoldfastException e = assertThrows(HoldfastException.class, run::run);
    assertEquals(kind, e.kind(), e.getMessage());
    assertTrue(e.getMessage().contains(part), e.getMessage());
    assertFalse(e.getMessage().contains("\n"));
  }

  @Test
  void learnsAndLeavesAModelThatPredicts() throws IOException {
    TinyRun tiny = new TinyRun(folder, 200);
    Files.writeString(folder.resolve("test.tsv"), "sentence\nwaf wag\nwbq wbr wbs\n");
    Map<String, String> options =
        tiny.options(
            "out",
            "criterion",
            "r3f",
            "num_train_epochs",
            "8",
            "warmup",
            "0.1",
            "test_file",
            folder.resolve("test.tsv").toString(),
            "eval_on_start",
            "true");
    Outcome outcome = tiny.run(options);
    assertEquals(Outcome.Status.COMPLETED, outcome.status());
    assertEquals(200, outcome.steps());
    double mcc = outcome.best().get("matthews_correlation");
    assertTrue(mcc > 0.7, "learned: " + outcome);
    assertEquals(0, outcome.majority().get("matthews_correlation"));
    assertTrue(outcome.before().get("loss") > outcome.best().get("loss"));

    Path out = tiny.output("out");
    assertEquals(
        mcc, json(out.resolve("eval_results.json")).get("eval_matthews_correlation").asDouble());
    ObjectNode state = json(out.resolve("trainer_state.json"));
    assertEquals(mcc, state.get("best_metric").asDouble());
    assertEquals(200, state.get("global_step").asInt());
    assertTrue(state.get("log_history").size() > 60);
    ObjectNode all = json(out.resolve("all_results.json"));
    assertTrue(all.has("train_loss") && all.has("train_kl") && all.has("eval_loss"));
    assertEquals("completed", json(out.resolve("run.json")).get("exit").asText());
    assertTrue(Files.readString(out.resolve("README.md")).contains("| matthews_correlation |"));
    List<String> predictions = Files.readAllLines(out.resolve("predict_results_cola.txt"));
    assertEquals("index\tprediction", predictions.get(0));

    try (Predictor predictor = Predictor.open(out.toString(), SETTINGS, ProgressListener.SILENT)) {
      Map<String, Double> metrics =
          predictor.evaluate(Tasks.named("cola"), tiny.data().resolve("dev.tsv"));
      assertEquals(mcc, metrics.get("matthews_correlation"), 1e-12);
      assertEquals(outcome.best().get("loss"), metrics.get("loss"), 1e-6);
      List<Prediction> answers =
          predictor.predict(predictor.rows(List.of("waf wag", "wbq wbr wbs"), null));
      for (int i = 0; i < 2; i++) {
        Prediction answer = answers.get(i);
        assertEquals(i + "\t" + answer.labelName(), predictions.get(i + 1));
        double sum = answer.probabilities().stream().mapToDouble(p -> p).sum();
        assertEquals(1, sum, 1e-12);
        assertTrue(answer.probabilities().get(answer.label()) >= 0.5);
      }
      refused(
          Kind.DATA,
          "not those of task",
          () -> predictor.evaluate(Tasks.named("rte"), tiny.data().resolve("dev.tsv")));
    }
    // Fine-tuning the result further keeps its head; its own run.json repeats the run.
    Map<String, String> more = tiny.options("more", "max_steps", "1", "learning_rate", "1e-9");
    more.put("model", out.toString());
    more.put("eval_on_start", "true");
    assertEquals(outcome.best().get("loss"), tiny.run(more).before().get("loss"), 1e-6);
  }

  @Test
  void theRecordIsEnoughToRepeatTheRun() throws IOException {
    TinyRun tiny = new TinyRun(folder, 30);
    tiny.run(tiny.options("first", "criterion", "r3f", "max_steps", "7"));
    Map<String, Object> recorded = new LinkedHashMap<>();
    json(tiny.output("first").resolve("run.json"))
        .get("config")
        .properties()
        .forEach(
            e -> recorded.put(e.getKey(), e.getValue().isNull() ? null : e.getValue().asText()));
    recorded.put("output_dir", tiny.output("second"));
    TrainJob.run(TrainConfig.of(recorded), ProgressListener.SILENT, new StopSignal());
    assertEquals(tiny.hash("first"), tiny.hash("second"));
  }

  @Test
  void foldersOfOthersAreNotTouched() throws IOException {
    TinyRun tiny = new TinyRun(folder, 12);
    Path theirs = Files.createDirectories(tiny.output("theirs"));
    Files.writeString(theirs.resolve("thesis.txt"), "x");
    refused(Kind.USAGE, "not empty", () -> tiny.run(tiny.options("theirs")));
    Files.writeString(theirs.resolve("run.json"), "{\"generator\": \"another\"}");
    refused(Kind.USAGE, "not empty", () -> tiny.run(tiny.options("theirs")));
    assertEquals("x", Files.readString(theirs.resolve("thesis.txt")));
    refused(Kind.USAGE, "is a file", () -> tiny.run(tiny.options("theirs/thesis.txt")));
  }

  /** A process that was killed while it wrote run.json for the first time. */
  @Test
  void aStartThatWasKilledDoesNotBlockTheFolder() throws IOException {
    TinyRun tiny = new TinyRun(folder, 12);
    Path out = Files.createDirectories(tiny.output("out"));
    Files.writeString(out.resolve("run.json.tmp"), "{\"gener");
    Files.writeString(out.resolve("run.lock"), "");
    assertEquals(2, tiny.run(tiny.options("out", "max_steps", "2")).steps());
    assertFalse(Files.exists(out.resolve("run.json.tmp")));
  }

  @Test
  void anotherRunIsNotOverwritten() throws IOException {
    TinyRun tiny = new TinyRun(folder, 12);
    tiny.run(tiny.options("out", "max_steps", "2"));
    refused(
        Kind.USAGE,
        "--learning-rate was 0.001, is 0.01",
        () -> tiny.run(tiny.options("out", "max_steps", "2", "learning_rate", "1e-2")));
    Files.writeString(
        tiny.data().resolve("train.tsv"), "x\t1\t\twaf\n", java.nio.file.StandardOpenOption.APPEND);
    refused(
        Kind.USAGE,
        "the train file has changed",
        () -> tiny.run(tiny.options("out", "max_steps", "2")));
    assertEquals("completed", json(tiny.output("out").resolve("run.json")).get("exit").asText());
  }

  /** As if an older version had written run.json, one that does not have every option yet. */
  @Test
  void anOptionThatTheRecordDoesNotNameHadItsDefault() throws IOException {
    TinyRun tiny = new TinyRun(folder, 12);
    Map<String, String> options = tiny.options("out", "max_steps", "1");
    tiny.run(options);
    Path record = tiny.output("out").resolve("run.json");
    ObjectNode older = json(record);
    ObjectNode config = (ObjectNode) older.get("config");
    config.remove(List.of("warmup", "noise_type", "eval_strategy", "metric_for_best_model"));
    config.remove(List.of("adam_epsilon", "adam_bias_correction", "eps"));
    Files.writeString(record, Json.pretty(older));
    assertEquals(1, tiny.run(options).steps());
    config.remove("learning_rate");
    Files.writeString(record, Json.pretty(older));
    refused(Kind.USAGE, "--learning-rate was 5.0E-5, is 0.001", () -> tiny.run(options));
  }

  /** 2.1 − 2 is 0.10000000000000009 in double; 10 updates an epoch. */
  @Test
  void aPartOfAnEpochIsNotRoundedUpTwice() {
    TinyRun tiny = new TinyRun(folder, 80);
    assertEquals(21, tiny.run(tiny.options("out", "num_train_epochs", "2.1")).steps());
  }

  /** Epochs of two updates that change nothing: the first evaluation stays the best. */
  @Test
  void aRunWhoseBestModelIsDamagedStartsOver() throws IOException {
    TinyRun tiny = new TinyRun(folder, 16);
    Map<String, String> options =
        tiny.options("out", "num_train_epochs", "3", "learning_rate", "1e-12");
    assertEquals(2, tiny.run(options).bestStep());
    Path out = tiny.output("out");
    byte[] model = Files.readAllBytes(out.resolve("model.safetensors"));
    Path best = out.resolve("checkpoint-2/model.safetensors");
    byte[] damaged = Files.readAllBytes(best);
    damaged[damaged.length - 1] ^= 1;
    Files.write(best, damaged);
    List<String> said = new ArrayList<>();
    ProgressListener listener = TinyRun.warningsTo(said);
    TrainJob.run(TrainConfig.of(options), listener, new StopSignal());
    assertTrue(
        said.get(0)
            .endsWith("checkpoint-6 has lost its best model, that of update 2, and is left out"),
        said.toString());
    assertTrue(said.get(1).endsWith("checkpoint-2 is damaged and is left out"), said.toString());
    assertArrayEquals(model, Files.readAllBytes(out.resolve("model.safetensors")));
  }

  /** Of whichever of the processes that a run was had the most. */
  @Test
  void thePeakOfMemoryIsThatOfAllStarts() throws IOException {
    TinyRun tiny = new TinyRun(folder, 12);
    Map<String, String> options = tiny.options("out", "max_steps", "1");
    tiny.run(options);
    Path record = tiny.output("out").resolve("run.json");
    assertTrue(json(record).get("peak_resident_bytes").asLong() > 1 << 20);
    long most = 1L << 50;
    Files.writeString(record, Json.pretty(json(record).put("peak_resident_bytes", most)));
    tiny.run(options);
    assertEquals(most, json(record).get("peak_resident_bytes").asLong());
  }

  /** A full disk fails the end of run.json too; what is said is what failed first. */
  @Test
  void theFirstFailureIsTheOneReported() {
    TinyRun tiny = new TinyRun(folder, 12);
    Path inTheWay = tiny.output("out").resolve("run.json.tmp/folder");
    ProgressListener listener =
        new ProgressListener() {
          @Override
          public void step(Step step) {
            assertTrue(inTheWay.toFile().mkdirs());
            throw new HoldfastException(Kind.DIVERGED, "the first failure");
          }
        };
    Runnable run = () -> tiny.run(tiny.options("out"), listener, new StopSignal());
    HoldfastException e = assertThrows(HoldfastException.class, run::run);
    assertEquals("the first failure", e.getMessage());
    assertTrue(e.getSuppressed()[0].getMessage().contains("run.json: cannot be written"));
  }

  /** On bf16 products the bits depend on the number of threads. */
  @Test
  void withBf16ProductsTheThreadsBelongToTheRun() {
    TinyRun tiny = new TinyRun(folder, 12);
    Map<String, String> options = tiny.options("out", "max_steps", "1", "precision", "bf16-gemm");
    tiny.run(options);
    options.put("threads", "2");
    refused(Kind.USAGE, "--threads was 1, is 2", () -> tiny.run(options));
  }

  @Test
  void aDamagedCheckpointIsLeftOut() throws IOException {
    TinyRun tiny = new TinyRun(folder, 24);
    String[] settings = {
      "max_steps",
      "9",
      "save_strategy",
      "steps",
      "save_steps",
      "3",
      "eval_strategy",
      "no",
      "save_total_limit",
      "0"
    };
    tiny.run(tiny.options("whole", settings));
    tiny.run(tiny.options("damaged", settings));
    Path weights = tiny.output("damaged").resolve("checkpoint-9/model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length / 2] ^= 4;
    Files.write(weights, bytes);
    List<String> warnings = new ArrayList<>();
    ProgressListener listener = TinyRun.warningsTo(warnings);
    tiny.run(tiny.options("damaged", settings), listener, new StopSignal());
    assertTrue(
        warnings.stream().anyMatch(w -> w.contains("checkpoint-9 is damaged")), "" + warnings);
    assertEquals(tiny.hash("whole"), tiny.hash("damaged"));
  }

  /** As where a configuration is edited to take the first layers of a model. */
  @Test
  void layersThatAreLeftOutAreSaid() throws IOException {
    TinyRun tiny = new TinyRun(folder, 24);
    Path config = folder.resolve("model/config.json");
    String text = Files.readString(config);
    assertTrue(text.contains("\"num_hidden_layers\" : 2"), text);
    Files.writeString(
        config, text.replace("\"num_hidden_layers\" : 2", "\"num_hidden_layers\" : 1"));
    List<String> warnings = new ArrayList<>();
    tiny.run(tiny.options("out", "max_steps", "1"), TinyRun.warningsTo(warnings), new StopSignal());
    // Four matrices of attention, two of the feed-forward layer, their biases, two LayerNorms.
    assertTrue(
        warnings
            .get(0)
            .startsWith(
                "config.json asks for 1 layers; the weights have more, which are not used: 16"
                    + " tensors, bert.encoder.layer.1."),
        "" + warnings);
  }

  @Test
  void moreEpochsThanCanBeCountedAreRefusedAtOnce() {
    TinyRun tiny = new TinyRun(folder, 24);
    for (String tokens : List.of("0", "64")) {
      Map<String, String> options =
          tiny.options("out", "num_train_epochs", "1e12", "max_tokens", tokens);
      HoldfastException e = assertThrows(HoldfastException.class, () -> tiny.run(options));
      assertEquals("more than 2^31 updates: lower --num-train-epochs", e.getMessage());
    }
  }

  @Test
  void stopsEarlyWithoutABetterModel() {
    TinyRun tiny = new TinyRun(folder, 24);
    Outcome outcome =
        tiny.run(
            tiny.options(
                "out", "learning_rate", "1e-12", "num_train_epochs", "9", "patience", "2"));
    assertEquals(Outcome.Status.EARLY_STOPPED, outcome.status());
    assertEquals(3 * 3, outcome.steps());
    assertEquals(3, outcome.bestStep());
    assertTrue(Files.exists(tiny.output("out").resolve("checkpoint-3")));
    assertEquals(
        outcome.steps(),
        tiny.run(
                tiny.options(
                    "out", "learning_rate", "1e-12", "num_train_epochs", "9", "patience", "2"))
            .steps());
  }

  @Test
  void aRunThatOnlyGuessesIsStopped() throws IOException {
    TinyRun tiny = new TinyRun(folder, 40);
    // One sentence under both labels: there is nothing to learn, and one answer for all.
    for (String file : List.of("train.tsv", "dev.tsv")) {
      Files.writeString(tiny.data().resolve(file), "x\t0\t\twaf wag\nx\t1\t\twaf wag\n".repeat(20));
    }
    Map<String, String> options = tiny.options("out", "learning_rate", "1e-4");
    assertTrue(tiny.run(options).bestStep() > 0, "a warning, by default");
    Map<String, String> strict = tiny.options("strict", "learning_rate", "1e-4");
    strict.put("on_degenerate", "stop");
    refused(Kind.DEGENERATE, "predictions are constant", () -> tiny.run(strict));
    assertEquals(
        "degenerate", json(tiny.output("strict").resolve("run.json")).get("exit").asText());
    refused(Kind.DEGENERATE, "predictions are constant", () -> tiny.run(strict));
  }

  @Test
  void memoryStaysFlat() {
    TinyRun tiny = new TinyRun(folder, 300);
    long[][] seen = new long[2][];
    ProgressListener watch =
        new ProgressListener() {
          @Override
          public void step(Step step) {
            if (step.step() == 100 || step.step() == 1000) {
              int index = step.step() == 100 ? 0 : 1;
              seen[index] = new long[] {Pointer.totalCount(), Pointer.totalBytes()};
            }
          }
        };
    Map<String, String> options =
        tiny.options(
            "out",
            "max_steps",
            "1000",
            "criterion",
            "r3f",
            "eval_strategy",
            "no",
            "save_strategy",
            "no",
            "per_device_train_batch_size",
            "3");
    tiny.run(options, watch, new StopSignal());
    assertEquals(seen[0][0], seen[1][0], "live pointers");
    assertEquals(seen[0][1], seen[1][1], "their bytes");
  }

  @Test
  void memoryThatIsNotThereIsSaid() {
    RunMemory memory = new RunMemory(100L << 20, 4, 0, 0, 700L << 20, 300L << 20, 10);
    memory.check(memory.total());
    refused(
        Kind.OUT_OF_MEMORY,
        "1,100 MiB and 1,099 MiB are free; largest: activations of a training step 700 MiB,"
            + " Adam's moments 200 MiB, ",
        () -> memory.check(1099L << 20));
    refused(Kind.OUT_OF_MEMORY, "--per-device-train-batch-size", () -> memory.check(0));
  }
}
