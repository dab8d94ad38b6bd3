package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A stopped, killed or repeated run ends with the bits of the run that was left alone. */
class ResumeTest {

  private static final int STOPS = 20;

  @TempDir Path folder;

  private static String[] settings(String criterion) {
    return new String[] {
      "criterion", criterion,
      "per_device_train_batch_size", "3",
      "gradient_accumulation_steps", "2",
      "num_train_epochs", "4",
      "eval_strategy", "steps",
      "eval_steps", "4",
      "save_strategy", "steps",
      "save_steps", "5",
      "eval_on_start", "true"
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"cross_entropy", "r3f", "r4f"})
  void twentyStops(String criterion) throws IOException {
    TinyRun tiny = new TinyRun(folder, 70);
    Outcome whole = tiny.run(tiny.options("straight", settings(criterion)));
    assertEquals(48, whole.steps());
    assertEquals(Outcome.Status.COMPLETED, whole.status());

    Map<String, String> options = tiny.options("stopped", settings(criterion));
    stopOften(tiny, options, whole.steps(), STOPS);
    Outcome rest = tiny.run(options);
    assertEquals(Outcome.Status.COMPLETED, rest.status());
    assertEquals(tiny.hash("straight"), tiny.hash("stopped"));
    assertEquals(whole.best(), rest.best());
    assertEquals(whole.before(), rest.before());
    assertEquals(whole.trainLoss(), rest.trainLoss());

    assertEquals(rest.best(), tiny.run(options).best(), "a finished run is reported again");
    assertEquals(tiny.hash("straight"), tiny.hash("stopped"));
  }

  /** Whatever a run keeps between updates: counters, data order, accumulation, other losses. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "learning_rate 1e-12 patience 3",
        "max_tokens 40 group_by_length true gradient_accumulation_steps 3",
        "gradient_accumulation_steps 5 criterion r3f",
        "max_steps 29 lr_scheduler_type cosine warmup 4",
        "task stsb criterion r3f",
        "criterion r_drop",
        "criterion freelb",
        "criterion smart smart_bregman_mu 1 smart_bregman_beta 0.5",
        "task stsb criterion r4f spectral_norm_scope head spectral_norm_mode at-most",
        "criterion hype",
        "average ema average_decay 0.9 average_start 0.3 average_every 3 criterion r3f",
        "mixout 0.3 average swa average_start 5 gradient_accumulation_steps 3 criterion r4f",
        "criterion sift",
      })
  void fourStopsWith(String more) throws IOException {
    TinyRun tiny = new TinyRun(folder, 70);
    String[] words = more.split(" ");
    if (more.contains("stsb")) {
      tiny.writePairs(70);
    }
    Map<String, String> straight = tiny.options("straight", settings("cross_entropy"));
    Map<String, String> options = tiny.options("stopped", settings("cross_entropy"));
    for (int i = 0; i < words.length; i += 2) {
      straight.put(words[i], words[i + 1]);
      options.put(words[i], words[i + 1]);
    }
    Outcome whole = tiny.run(straight);
    boolean early = whole.status() == Outcome.Status.EARLY_STOPPED;
    assertEquals(more.contains("patience"), early);
    stopOften(tiny, options, whole.steps(), 4);
    Outcome rest = tiny.run(options);
    assertEquals(whole.status(), rest.status());
    assertEquals(whole.steps(), rest.steps());
    assertEquals(whole.best(), rest.best());
    assertEquals(tiny.hash("straight"), tiny.hash("stopped"));
  }

  /** Stops a run at {@code count} random updates, one after the other. */
  private static void stopOften(TinyRun tiny, Map<String, String> options, int steps, int count) {
    Set<Integer> stops = new TreeSet<>();
    SplittableRandom random = new SplittableRandom(options.get("criterion").length());
    while (stops.size() < count) {
      stops.add(1 + random.nextInt(steps - 1));
    }
    for (int at : stops) {
      StopSignal stop = new StopSignal();
      Outcome part = tiny.run(options, requestAt(at, stop), stop);
      assertEquals(Outcome.Status.STOPPED, part.status());
      assertEquals(at, part.steps());
    }
  }

  /**
   * A stop at every place where one is looked for: between updates, before every batch of the
   * evaluation before the first update, of those that follow, and of the prediction of test rows.
   * Then a crash right after the next evaluation. Each evaluation is logged once all the same.
   */
  @ParameterizedTest
  @ValueSource(strings = {"cross_entropy none", "r4f swa"})
  void stoppedAnywhere(String criterionAndAverage) throws IOException {
    String[] words = criterionAndAverage.split(" ");
    TinyRun tiny = new TinyRun(folder, 24);
    Files.writeString(
        folder.resolve("test.tsv"), "sentence\n" + "waf wag\nwbq wbr wbs\n".repeat(9));
    String[] settings = {
      "max_steps", "4",
      "criterion", words[0],
      "average", words[1],
      "average_start", "1",
      "eval_strategy", "steps",
      "eval_steps", "2",
      "save_strategy", "no",
      "eval_on_start", "true",
      "per_device_eval_batch_size", "10",
      "test_file", folder.resolve("test.tsv").toString()
    };
    StopAtPoll never = new StopAtPoll(Integer.MAX_VALUE);
    Outcome whole = tiny.run(tiny.options("straight", settings), ProgressListener.SILENT, never);
    int predictionPolls = 2; // 18 rows, 10 a batch
    int evaluationPolls = 3 * 3; // before update 1, after 2 and 4; 24 rows
    assertEquals(4 + evaluationPolls + predictionPolls, never.polls);
    Path predictions = Path.of("predict_results_cola.txt");
    for (int poll = 1; poll <= never.polls; poll++) {
      String name = "poll" + poll;
      Map<String, String> options = tiny.options(name, settings);
      Outcome part = tiny.run(options, ProgressListener.SILENT, new StopAtPoll(poll));
      assertEquals(Outcome.Status.STOPPED, part.status(), name);
      Path out = tiny.output(name);
      assertEquals(
          "stopped", Json.parse(Files.readAllBytes(out.resolve("run.json"))).get("exit").asText());
      assertFalse(Files.exists(out.resolve(predictions)), name);
      boolean crashed = crashAfterEvaluation(tiny, options);
      assertEquals(poll <= never.polls - predictionPolls, crashed, name);
      assertEquals(whole.best(), tiny.run(options).best(), name);
      assertEquals(tiny.hash("straight"), tiny.hash(name), name);
      assertEquals(
          Files.readString(tiny.output("straight").resolve("best")),
          Files.readString(out.resolve("best")));
      assertEquals(
          -1,
          Files.mismatch(tiny.output("straight").resolve(predictions), out.resolve(predictions)));
    }
  }

  /** True if there was an evaluation. */
  private static boolean crashAfterEvaluation(TinyRun tiny, Map<String, String> options) {
    ProgressListener crash =
        new ProgressListener() {
          @Override
          public void evaluated(int step, double epoch, Map<String, Double> metrics, boolean best) {
            throw new IllegalStateException("crash");
          }
        };
    try {
      tiny.run(options, crash, new StopSignal());
      return false;
    } catch (IllegalStateException e) {
      return true;
    }
  }

  /** Requested at the n-th time that it is looked at. */
  private static final class StopAtPoll extends StopSignal {
    private final int poll;
    private int polls;

    StopAtPoll(int poll) {
      this.poll = poll;
    }

    @Override
    public boolean isRequested() {
      return ++polls >= poll;
    }
  }

  private static ProgressListener requestAt(int step, StopSignal stop) {
    return new ProgressListener() {
      @Override
      public void step(Step done) {
        if (done.step() == step) {
          stop.request();
        }
      }
    };
  }

  @Test
  void fiveRunsAndTwoThreadCountsGiveTheSameBits() {
    TinyRun tiny = new TinyRun(folder, 40);
    Set<String> hashes = new TreeSet<>();
    for (int i = 0; i < 5; i++) {
      Map<String, String> options = tiny.options("run" + i, settings("r3f"));
      options.put("threads", i % 2 == 0 ? "1" : "2");
      tiny.run(options);
      hashes.add(tiny.hash("run" + i));
    }
    assertEquals(1, hashes.size());
    Map<String, String> other = tiny.options("other", settings("r3f"));
    other.put("seed", "43");
    tiny.run(other);
    assertNotEquals(hashes.iterator().next(), tiny.hash("other"));
  }

  /**
   * Child processes are killed at random times; -Dholdfast.kills=N asks for more of them than the
   * few of a normal build.
   */
  @Test
  void killed() throws IOException, InterruptedException {
    int kills = Integer.getInteger("holdfast.kills", 3);
    TinyRun tiny = new TinyRun(folder, 70);
    String epochs = String.valueOf(4 + 2 * kills);
    Map<String, String> straight = tiny.options("straight", settings("r3f"));
    straight.put("num_train_epochs", epochs);
    tiny.run(straight);
    Map<String, String> options = tiny.options("killed", settings("r3f"));
    options.put("num_train_epochs", epochs);
    SplittableRandom random = new SplittableRandom(9);
    int killed = 0;
    for (int attempt = 0; killed < kills && attempt < 3 * kills; attempt++) {
      Path out = tiny.output("killed");
      int before = Files.exists(out.resolve("metrics.jsonl")) ? lines(out) : 0;
      Process child =
          TrainingChild.start(List.of("-Xmx512m"), 5, options, folder.resolve("child.log"));
      // Wait until it trains, then a random while: the kill falls into updates and saves.
      while (child.isAlive()
          && (!Files.exists(out.resolve("metrics.jsonl")) || lines(out) <= before)) {
        Thread.sleep(2);
      }
      if (attempt == 0) {
        HoldfastException e = assertThrows(HoldfastException.class, () -> tiny.run(options));
        assertTrue(e.getMessage().contains("is being written by another process"), e.getMessage());
      }
      Thread.sleep(random.nextInt(60));
      killed += child.isAlive() ? 1 : 0;
      child.destroyForcibly().waitFor();
    }
    tiny.run(options);
    assertEquals(kills, killed, "children that lived long enough to be killed");
    assertEquals(tiny.hash("straight"), tiny.hash("killed"));
  }

  private static int lines(Path out) throws IOException {
    return Files.readAllLines(out.resolve("metrics.jsonl")).size();
  }
}
