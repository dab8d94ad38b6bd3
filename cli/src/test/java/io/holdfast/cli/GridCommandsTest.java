package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.holdfast.engine.compare.Ledger;
import io.holdfast.engine.compare.RunResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Grids of real runs, each in a process of its own, on a toy. */
class GridCommandsTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> RUNS =
      List.of("train-cross_entropy-1", "train-r3f-1", "train-cross_entropy-2", "train-r3f-2");

  @TempDir Path folder;

  private String common;

  @BeforeEach
  void toy() throws IOException {
    ToyModel.write(folder.resolve("base"));
    ToyModel.rows(folder.resolve("train.tsv"), 64);
    ToyModel.rows(folder.resolve("dev.tsv"), 24);
    common =
        " --model base --train-file train.tsv --validation-file dev.tsv"
                .replaceAll(" (base|train.tsv|dev.tsv)", " " + folder + "/$1")
            + " --text-column text --label-column mood --learning-rate 1e-3 --max-steps 12"
            + " --per-device-train-batch-size 8 --max-seq-length 16 --eval-strategy steps"
            + " --eval-steps 4 --save-strategy steps --save-steps 3 --logging-steps 1";
  }

  private String compare(String out) {
    return "compare --criteria cross_entropy,r3f --seeds 1-2 --workers 2 --threads 1 --output-dir "
        + folder.resolve(out)
        + common;
  }

  private static Cli succeed(String line) {
    Cli cli = Cli.run(Cli.words(line));
    assertEquals(0, cli.exitCode(), cli.err());
    return cli;
  }

  private Process start(String line) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx512m", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(Cli.words(line)));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()))
        .start();
  }

  private List<RunResult> ledger(String out) {
    return Ledger.read(folder.resolve(out).resolve(Ledger.NAME));
  }

  /** What a ledger says, by run, without what depends on the clock and the machine. */
  private Map<String, Object> untimed(String out) {
    Map<String, Object> runs = new TreeMap<>();
    for (RunResult r : ledger(out)) {
      runs.put(r.run(), List.of(r.status(), r.score(), r.last(), r.curve(), r.loss(), r.config()));
    }
    return runs;
  }

  @Test
  void aGridIsRunReportedAndNotRunAgain() throws IOException {
    Cli cli = succeed(compare("out"));
    assertTrue(cli.err().contains("4/4  train-"), cli.err());
    assertEquals(4, cli.out().lines().count(), cli.out());
    Path out = folder.resolve("out");
    byte[] ledger = Files.readAllBytes(out.resolve(Ledger.NAME));
    assertEquals(4, ledger("out").size());
    RunResult r3f =
        ledger("out").stream().filter(r -> r.run().equals("train-r3f-2")).findFirst().orElseThrow();
    assertEquals(List.of(0.5, 1.0, 1.5), r3f.curve().stream().map(p -> p.epoch()).toList());
    assertEquals(0.5, r3f.majority());
    assertEquals(2.0, r3f.passes(), 1e-9);
    assertTrue(r3f.peakMemory() > 10 << 20 && r3f.seconds() > 0);
    assertTrue(Files.readString(out.resolve("report.html")).contains("<svg"));
    assertTrue(Files.readString(out.resolve("report.md")).contains("| r3f | 2 |"));
    assertTrue(Files.exists(out.resolve("train-r3f-2/model.safetensors")));
    assertFalse(Files.exists(out.resolve("train-r3f-2/checkpoint-12")));

    JsonNode again = JSON.readTree(succeed(compare("out") + " --json").out());
    assertArrayEquals(ledger, Files.readAllBytes(out.resolve(Ledger.NAME)));
    assertEquals(2, again.at("/tasks/0/arms/1/pairs").asInt());
    // The ledger is lost: the folders have the results.
    Files.delete(out.resolve(Ledger.NAME));
    succeed(compare("out"));
    assertEquals(new String(ledger).length(), Files.size(out.resolve(Ledger.NAME)));
    String report = succeed("report " + out).out();
    assertEquals(report, succeed("report " + out.resolve(Ledger.NAME)).out());
    assertTrue(report.contains("r3f "), report);
    // The runs are elsewhere: the ledger has the results.
    Path alone = Files.createDirectory(folder.resolve("alone"));
    Files.copy(out.resolve(Ledger.NAME), alone.resolve(Ledger.NAME));
    assertEquals(report, succeed("report " + alone).out());
  }

  /** Every option is in it, also those that mean nothing with the others. */
  @Test
  void theOptionsMayBeThoseOfAnEarlierRun() {
    succeed(
        "train --max-steps 2"
            + common.replace("--max-steps 12", "")
            + " --output-dir "
            + folder.resolve("one"));
    succeed(
        "sweep --grid learning-rate=1e-4,2e-4 --seeds 5 --threads 1 --config "
            + folder.resolve("one/run.json")
            + " --output-dir "
            + folder.resolve("out"));
    assertEquals(2, ledger("out").size());
  }

  /** Killed at random times, children and all; each run is there once, with the same bits. */
  @Test
  void aKilledGridGoesOn() throws IOException, InterruptedException {
    succeed(compare("whole"));
    SplittableRandom random = new SplittableRandom(5);
    int kills = Integer.getInteger("holdfast.kills", 2);
    int killed = 0;
    for (int attempt = 0; attempt < 2 * kills && killed < kills; attempt++) {
      long before = traces();
      Process grid = start(compare("killed"));
      while (grid.isAlive() && traces() == before) {
        Thread.sleep(5);
      }
      Thread.sleep(random.nextInt(300));
      killed += grid.isAlive() ? 1 : 0;
      grid.destroyForcibly().waitFor();
    }
    assertTrue(killed > 0, "grids that lived long enough to be killed");
    succeed(compare("killed"));
    assertEquals(untimed("whole"), untimed("killed"));
    assertEquals(4, ledger("killed").size());
    for (String run : RUNS) {
      assertArrayEquals(
          Files.readAllBytes(folder.resolve("whole").resolve(run).resolve("model.safetensors")),
          Files.readAllBytes(folder.resolve("killed").resolve(run).resolve("model.safetensors")));
    }
  }

  /** Grows as runs go on. */
  private long traces() throws IOException {
    Path out = folder.resolve("killed");
    long sum = Files.exists(out.resolve(Ledger.NAME)) ? Files.size(out.resolve(Ledger.NAME)) : 0;
    for (String run : RUNS) {
      Path metrics = out.resolve(run).resolve("metrics.jsonl");
      sum += Files.exists(metrics) ? Files.size(metrics) : 0;
    }
    return sum;
  }

  @Test
  void aSignalStopsTheRunsToo() throws Exception {
    ToyModel.rows(folder.resolve("train.tsv"), 4000);
    String line =
        compare("out --baseline r3f")
            .replace("--max-steps 12", "--num-train-epochs 1")
            .replace("steps 4", "steps 400");
    Process grid = start(line);
    Path metrics = folder.resolve("out/train-cross_entropy-1/metrics.jsonl");
    while (grid.isAlive() && !Files.exists(metrics)) {
      Thread.sleep(5);
    }
    Thread.sleep(300);
    List<ProcessHandle> children = grid.descendants().toList();
    grid.destroy();
    assertTrue(grid.waitFor(60, TimeUnit.SECONDS));
    assertEquals(75, grid.exitValue(), Files.readString(folder.resolve("log")));
    assertTrue(children.stream().noneMatch(ProcessHandle::isAlive));
    try (Stream<Path> saved = Files.list(metrics.getParent())) {
      assertTrue(saved.anyMatch(p -> p.getFileName().toString().startsWith("checkpoint-")));
    }
  }

  /** One run is killed from outside: it is said, the others are done, and it goes on next time. */
  @Test
  void aRunThatDiesIsSaidAndTheOthersGoOn() throws Exception {
    Process grid = start(compare("out").replace("--workers 2", "--workers 1"));
    ProcessHandle first = null;
    while (grid.isAlive() && first == null) {
      first = grid.descendants().findFirst().orElse(null);
      Thread.sleep(5);
    }
    first.destroyForcibly();
    assertTrue(grid.waitFor(120, TimeUnit.SECONDS));
    String said = Files.readString(folder.resolve("log"));
    assertEquals(137, grid.exitValue(), said);
    assertTrue(said.contains("train-cross_entropy-1: no result (exit 137)"), said);
    assertEquals(RUNS.subList(1, 4), ledger("out").stream().map(RunResult::run).toList());
    succeed(compare("out"));
    assertEquals(4, ledger("out").size());
  }

  @Test
  void aSweepReportsARunThatDivergesAndPutsTheBestFirst() {
    String sweep =
        "sweep --grid learning-rate=1e-9,1e30,3e-3 --grid lr-scheduler-type=constant --seeds 1"
            + " --workers 2 --keep results --output-dir "
            + folder.resolve("out")
            + common.replace("--learning-rate 1e-3", "");
    List<String> rows = succeed(sweep).out().lines().toList();
    assertTrue(rows.get(2).startsWith("learning-rate=0.003 "), rows.toString());
    assertTrue(rows.stream().anyMatch(r -> r.matches("learning-rate=1e30 +1 +1 .*")), "failed");
    assertEquals(3, ledger("out").size());
    assertEquals(
        List.of("completed", "completed", "diverged"),
        ledger("out").stream().map(RunResult::status).sorted().toList());
    assertFalse(
        Files.exists(
            folder
                .resolve("out/train-learning-rate=3e-3_lr-scheduler-type=constant-1")
                .resolve("model.safetensors")));
  }

  /** Said of the first run that says it, in its log as well. */
  @Test
  void warningsOfRunsAreShownOnce() throws IOException {
    Cli cli = succeed(compare("out").replace("--max-seq-length 16", "--max-seq-length 4"));
    String cut = "train.tsv: 64 rows were cut to 4 tokens";
    assertEquals(1, cli.err().lines().filter(line -> line.contains(cut)).count(), cli.err());
    String log = Files.readString(folder.resolve("out/train-r3f-2/train.log"));
    assertTrue(log.contains(cut), log);
  }

  /** A folder of runs may have a report of its owner's. */
  @Test
  void pagesThatNoGridWroteAreNotWrittenOver() throws IOException {
    Path run = Files.createDirectories(folder.resolve("mine/run"));
    Files.writeString(run.resolve("run.json"), "{\"generator\": \"holdfast\"}");
    Path page = Files.writeString(folder.resolve("mine/report.md"), "mine");
    Cli cli = Cli.run(Cli.words(compare("mine")));
    assertEquals(2, cli.exitCode());
    assertTrue(cli.err().contains("has a report.md that is no grid's"), cli.err());
    assertEquals("mine", Files.readString(page));
    Files.delete(page);
    succeed(compare("mine"));
    succeed(compare("mine"));
  }

  @Test
  void aFileThatIsMissingIsSaidOnce() {
    Cli cli = Cli.run(Cli.words(compare("out").replace("dev.tsv", "nope.tsv")));
    assertEquals(3, cli.exitCode());
    assertEquals(1, cli.err().lines().count(), cli.err());
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void whatNoRunCanUseIsSaidBeforeAnythingIsRun() throws IOException {
    Files.createDirectories(folder.resolve("data/RTE"));
    Cli cli =
        Cli.run(
            Cli.words(
                "compare --criteria cross_entropy,r3f --eps 1e-4 --sift-lambda 2 --model base"
                    + " --tasks rte --data-root "
                    + folder.resolve("data")
                    + " --output-dir "
                    + folder.resolve("out")));
    assertEquals(3, cli.exitCode());
    List<String> said = cli.err().lines().toList();
    assertEquals(2, said.size(), cli.err());
    assertTrue(
        said.get(0).endsWith("--sift-lambda has no effect with --criterion cross_entropy or r3f"),
        cli.err());
    assertTrue(said.get(1).contains("RTE has no train.tsv"), cli.err());
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void contradictionsAreRefusedBeforeAnythingIsRun() {
    String out = " --output-dir " + folder.resolve("out") + common;
    for (String line :
        List.of(
            "compare --criterion r3f" + out,
            "compare --criteria r3f,r3f" + out,
            "compare --criteria r5f" + out,
            "compare --seeds 1 --seed 2" + out,
            "compare --seeds x" + out,
            "compare --tasks rte" + out,
            "compare --workers 0" + out,
            "compare --criteria ," + out,
            "compare --criteria cross_entropy,r3f --baseline smart" + out,
            "sweep --grid average-decay=0.9,0.99" + out,
            "sweep --grid eps=," + out,
            "sweep --trials 1 --grid eps=," + out,
            "compare --threads few" + out,
            "compare --data-root " + folder + out,
            "compare" + common,
            "sweep" + out,
            "sweep --grid learning-rate" + out,
            "sweep --grid learnin-rate=1e-5" + out,
            "sweep --grid learning-rate=1e-5,2e-5" + out,
            "sweep --grid seed=1,2" + out,
            "sweep --grid eps=1e-5 --grid eps=1e-4" + out,
            "sweep --range eps=1e-5..1e-3" + out,
            "sweep --trials 2 --range eps=0..1" + out,
            "sweep --trials 2 --range eps=1e-3" + out,
            "sweep --trials 2 --range eps=1e-5..1e-3 --grid eps=1e-4" + out,
            "sweep --trials -1 --grid eps=1e-4" + out,
            "sweep --grid eps=small" + out,
            "sweep --criterion r3f --grid eps=1e-5,0.00001" + out,
            "sweep --grid threads=1,2" + out,
            "sweep --grid train-file=a.tsv,b.tsv" + out,
            "report " + folder.resolve("nothing"))) {
      Cli cli = Cli.run(Cli.words(line));
      assertEquals(2, cli.exitCode(), line + ": " + cli.err());
      assertEquals(1, cli.err().lines().count(), cli.err());
      assertFalse(Files.exists(folder.resolve("out")), line);
    }
    assertEquals(3, Cli.run("report", folder.toString()).exitCode());
  }
}
