package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The built holdfast.jar on a Spark cluster of two workers, all on loopback. */
class SparkSweepTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern OUTPUT = Pattern.compile("--output-dir=[^\\x00]*/([^\\x00/]+)\\x00");

  private static final List<String> RUNS =
      List.of(
          "train-learning-rate=1e-3-1", "train-learning-rate=1e-3-2", "train-learning-rate=1e-3-3");

  /** A run that is on its way in an executor. */
  private record Running(ProcessHandle executor, String run) {}

  @TempDir Path folder;

  /** Without Spark; stopped on Spark and gone on with; a worker and its executor killed. */
  @Test
  void aLostExecutorLosesItsRunAlone() throws Exception {
    ToyModel.write(folder.resolve("base"));
    ToyModel.rows(folder.resolve("train.tsv"), 64);
    ToyModel.rows(folder.resolve("dev.tsv"), 24);
    try (Cluster cluster = new Cluster(folder)) {
      Process here = cluster.holdfast("here", sweep("here-out", "--workers", "2"));
      cluster.start(2);
      assertEquals(0, exitCode(here), cluster.log("here"));

      Process stopped = cluster.submit("stopped", sweep("spark-out"));
      cluster.await(stopped, () -> running(cluster.worker(0), Map.of()));
      stopped.destroy();
      assertEquals(75, exitCode(stopped), cluster.log("stopped"));
      cluster.awaitNoRuns();
      Map<String, Integer> starts = starts();
      Set<String> ended = untimed("spark-out").keySet();

      Process driver = cluster.submit("driver", sweep("spark-out"));
      Running lost = cluster.await(driver, () -> running(cluster.worker(0), starts));
      cluster.worker(0).destroyForcibly();
      lost.executor().destroyForcibly();
      assertEquals(0, exitCode(driver), cluster.log("driver"));
      for (String log : List.of("stopped", "driver")) {
        assertFalse(cluster.log(log).contains("\tat io.holdfast"), cluster.log(log));
      }
      Map<String, Integer> expected = new TreeMap<>(starts);
      RUNS.stream()
          .filter(run -> !ended.contains(run))
          .forEach(run -> expected.merge(run, 1, Integer::sum));
      expected.merge(lost.run(), 1, Integer::sum);
      assertEquals(expected, starts());
      String last = starts(lost.run()).get(expected.get(lost.run()) - 1);
      assertTrue(last.contains("resuming after update"), last);
    }
    assertEquals(RUNS, List.copyOf(untimed("spark-out").keySet()));
    assertEquals(untimed("here-out"), untimed("spark-out"));
    for (String run : RUNS) {
      assertArrayEquals(model("here-out", run), model("spark-out", run), run);
    }
  }

  private String[] sweep(String out, String... more) {
    String line =
        "sweep --grid learning-rate=1e-3 --seeds 1-3 --threads 1 --output-dir %s/%s --model %1$s/base"
                .formatted(folder, out)
            + " --train-file %s/train.tsv --validation-file %1$s/dev.tsv".formatted(folder)
            + " --text-column text --label-column mood --max-steps 800"
            + " --per-device-train-batch-size 8 --max-seq-length 16 --eval-strategy steps"
            + " --eval-steps 200 --logging-steps 10 "
            + String.join(" ", more);
    return line.strip().split(" ");
  }

  private static int exitCode(Process process) throws InterruptedException {
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "the end of a process");
    return process.exitValue();
  }

  /**
   * What the worker's executor trains, once it has done updates; null before.
   *
   * @param before how often runs were started earlier
   */
  private Running running(Process worker, Map<String, Integer> before) {
    for (ProcessHandle run : worker.children().flatMap(ProcessHandle::children).toList()) {
      try {
        String command = Files.readString(Path.of("/proc", String.valueOf(run.pid()), "cmdline"));
        Matcher output = OUTPUT.matcher(command);
        String name = output.find() ? output.group(1) : "";
        List<String> starts = starts(name);
        if (starts.size() > before.getOrDefault(name, 0)
            && starts.get(starts.size() - 1).contains(" step ")) {
          return new Running(run.parent().orElseThrow(), name);
        }
      } catch (IOException e) {
        // It has just ended.
      }
    }
    return null;
  }

  private Map<String, Integer> starts() throws IOException {
    Map<String, Integer> starts = new TreeMap<>();
    for (String run : RUNS) {
      starts.put(run, starts(run).size());
    }
    return starts;
  }

  /** The parts of a run's log, each of which begins with the reading of the data. */
  private List<String> starts(String run) throws IOException {
    Path log = folder.resolve("spark-out").resolve(run).resolve("train.log");
    String text = Files.exists(log) ? Files.readString(log) : "";
    List<String> parts = List.of(text.split("train.tsv: 64 rows", -1));
    return parts.subList(1, parts.size());
  }

  private byte[] model(String out, String run) throws IOException {
    return Files.readAllBytes(folder.resolve(out).resolve(run).resolve("model.safetensors"));
  }

  /** The lines of a ledger by run, without what depends on the clock and the machine. */
  private Map<String, String> untimed(String out) throws IOException {
    Map<String, String> lines = new TreeMap<>();
    for (String line : Files.readAllLines(folder.resolve(out).resolve("ledger.jsonl"))) {
      ObjectNode run = (ObjectNode) JSON.readTree(line);
      run.remove(List.of("seconds", "peak_memory_bytes"));
      String name = run.path("run").asText();
      assertEquals(null, lines.put(name, run.toString()), name + " is there once");
    }
    return lines;
  }
}
