package io.holdfast.engine.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.compare.RunResult.Point;
import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunReaderTest {

  private static final String CONFIG =
      "'task': 'sts-b', 'criterion': 'r3f', 'seed': 7, 'eps': 1.0E-5, 'data_dir': '/x',"
          + " 'train_file': null";

  @TempDir Path folder;

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text.replace('\'', '"'));
  }

  private void run(String exit, String config) throws IOException {
    write(
        "run.json",
        "{'exit': '"
            + exit
            + "', 'metric': 'combined_score', 'majority': {'combined_score': 0.125}, 'steps': 9,"
            + " 'peak_resident_bytes': 4096, 'backend': {'threads': 2},"
            + " 'machine': {'processor': 'p'}, 'data': {'train': {'sha256': 'ab'}}, 'config': {"
            + config
            + "}}");
    write(
        "metrics.jsonl",
        "{'split': 'eval', 'epoch': 0, 'combined_score': 0.9}\n"
            + "{'split': 'train', 'epoch': 0.5, 'loss': 3, 'se': 2}\n"
            + "{'split': 'eval', 'epoch': 1, 'combined_score': 0.7}\n"
            + "{'split': 'eval', 'epoch': 2, 'combined_score': 0.6}\n");
  }

  @Test
  void aCompletedRun() throws IOException {
    run("completed", CONFIG);
    write(
        "eval_results.json", "{'eval_combined_score': 0.75, 'eval_pearson': 0.8, 'eval_step': 4}");
    write("train_results.json", "{'train_runtime': 12.5, 'train_relative_passes': 2.0}");
    RunResult run = RunReader.read(folder);
    assertEquals("stsb", run.task());
    assertEquals("combined_score", run.metric());
    assertEquals(0.75, run.score());
    assertEquals(0.6, run.last());
    assertEquals(0.125, run.majority());
    assertEquals(9, run.steps());
    assertEquals(12.5, run.seconds());
    assertEquals(2, run.passes());
    assertEquals(4096, run.peakMemory());
    assertEquals(2, run.threads());
    assertEquals(Map.of("combined_score", 0.75, "pearson", 0.8), run.metrics());
    assertEquals(List.of(new Point(0, 0.9), new Point(1, 0.7), new Point(2, 0.6)), run.curve());
    assertEquals(List.of(new Point(0.5, 2)), run.loss());
    assertEquals(Map.of("train", "ab"), run.data());
    assertEquals(
        Map.of("task", "sts-b", "criterion", "r3f", "seed", "7", "eps", "1.0E-5"), run.config());
  }

  /** The correlation of a constant is not defined: no skill is 0. */
  @Test
  void theMajorityMayNotBeDefinedOrNotBeKnown() throws IOException {
    write("run.json", "{'exit': 'completed', 'metric': 'pearson', 'majority': {'pearson': 'NaN'}}");
    write("metrics.jsonl", "");
    assertEquals(0, RunReader.read(folder).majority());
    write("run.json", "{'exit': 'completed', 'metric': 'loss', 'majority': {'pearson': 'NaN'}}");
    assertTrue(Double.isNaN(RunReader.read(folder).majority()));
    write("run.json", "{'exit': 'completed'}");
    String said = assertThrows(HoldfastException.class, () -> RunReader.read(folder)).getMessage();
    assertTrue(said.endsWith("run.json: names no metric: an older version wrote it"), said);
  }

  /**
   * What was evaluated before a run was stopped as degenerate counts; of a diverged one nothing.
   */
  @Test
  void runsWithoutResults() throws IOException {
    run("degenerate", CONFIG);
    assertEquals(0.7, RunReader.read(folder).score());
    assertEquals(0.6, RunReader.read(folder).last());
    assertEquals(0.125, RunReader.read(folder).majority());
    run("diverged", CONFIG);
    assertTrue(Double.isNaN(RunReader.read(folder).score()));
    assertTrue(Double.isNaN(RunReader.read(folder).last()));
    for (String exit : List.of("running", "stopped", "failed", "out_of_memory")) {
      run(exit, CONFIG);
      assertNull(RunReader.read(folder));
    }
    assertNull(RunReader.read(folder.resolve("nothing")));
  }

  @Test
  void aUsersTaskIsNamedByItsFile() throws IOException {
    run("completed", "'task': null, 'train_file': '/a/moods.tsv', 'regression': false");
    assertEquals("moods", RunReader.read(folder).task());
  }

  /** 120 log lines become 40 points, each the mean of three. */
  @Test
  void longLossCurvesAreThinned() throws IOException {
    run("completed", CONFIG);
    StringBuilder lines = new StringBuilder();
    for (int i = 1; i <= 120; i++) {
      lines.append("{'split': 'train', 'epoch': %d, 'ce': %d}\n".formatted(i, i));
    }
    write("metrics.jsonl", lines.toString());
    List<Point> loss = RunReader.read(folder).loss();
    assertEquals(40, loss.size());
    assertEquals(new Point(3, 2), loss.get(0));
    assertEquals(new Point(120, 119), loss.get(39));
  }

  @Test
  void filesThatAreNotThoseOfARunAreNamed() throws IOException {
    run("completed", CONFIG);
    write("train_results.json", "[1]");
    String said = assertThrows(HoldfastException.class, () -> RunReader.read(folder)).getMessage();
    assertTrue(said.startsWith(folder.resolve("train_results.json").toString()), said);
    write("run.json", "{");
    assertThrows(HoldfastException.class, () -> RunReader.read(folder));
  }
}
