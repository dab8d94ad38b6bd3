package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.compare.Trial;
import io.holdfast.engine.compare.TrialRunner.TrialFailure;
import io.holdfast.engine.train.StopSignal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Trials on a cluster that is a function. */
class SparkPlaceTest {

  static final Trial TRIAL =
      Trial.of(
          "cola-1",
          Map.of("model", "m", "task", "cola", "data_dir", "d", "output_dir", "out/cola-1"));

  private final StopSignal stop = new StopSignal();
  private final List<Double> shares = new ArrayList<>();
  private List<String> submitted;

  private RunResult run(Future<List<String>> task) {
    SparkPlace place =
        new SparkPlace(
            (arguments, begins) -> {
              submitted = arguments;
              begins.run();
              return task;
            });
    return new ChildTraining(place, Keep.RESULTS).run(TRIAL, shares::add, stop);
  }

  private static Future<List<String>> ended(String... parts) {
    return CompletableFuture.completedFuture(List.of(parts));
  }

  @Test
  void aResultComesBackFromTheLastEvent() {
    String result = "{\"run\":\"cola-1\",\"status\":\"completed\",\"score\":0.1}";
    RunResult run = run(ended("0", "{\"event\":\"result\",\"result\":" + result + "}", "a note"));
    assertEquals("cola-1", run.run());
    assertEquals(0.1, run.score());
    assertEquals(List.of(0.0), shares);
    assertEquals(List.of("train", "--grid-run=results"), submitted.subList(0, 2));
    assertTrue(submitted.contains("--output-dir=out/cola-1"), submitted.toString());
  }

  @Test
  void aRunWithoutAResultIsSaidAsItWouldBeHere() {
    String step = "{\"event\":\"step\",\"step\":1,\"total_steps\":2}";
    TrialFailure e =
        assertThrows(TrialFailure.class, () -> run(ended("7", step, "holdfast train: no space")));
    assertEquals(7, e.exitCode());
    assertEquals("no space", e.getMessage());
    e = assertThrows(TrialFailure.class, () -> run(ended("137", "", "")));
    assertEquals(137, e.exitCode());
    assertEquals("the process died", e.getMessage());
  }

  @Test
  void aTaskThatSparkGaveUpIsOneLine() {
    var lost = new IllegalStateException("Job aborted: executor lost\nDriver stacktrace:\n\tat x");
    TrialFailure e =
        assertThrows(TrialFailure.class, () -> run(CompletableFuture.failedFuture(lost)));
    assertEquals(8, e.exitCode());
    assertEquals("Spark could not run it: Job aborted: executor lost", e.getMessage());
  }

  @Test
  void aStopCancelsTheTask() {
    CompletableFuture<List<String>> task = new CompletableFuture<>();
    stop.request();
    assertNull(run(task));
    assertTrue(task.isCancelled());
  }
}
