package io.holdfast.engine.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.compare.Grid.Report;
import io.holdfast.engine.compare.TrialRunner.TrialFailure;
import io.holdfast.engine.train.StopSignal;
import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Grids whose trials are not trained: the ledger and the order of things. */
class GridTest {

  /** SHA-256 of "abc": FIPS 180-2, appendix B.1. */
  private static final String ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  @TempDir Path folder;

  private static RunResult result(Trial trial) {
    double score = 0.6 + trial.config().seed() / 100.0;
    RunResult result = Results.of(trial.config().criterion(), trial.config().seed(), score);
    var options = trial.config().toMap();
    trial.options().keySet().forEach(k -> result.config().put(k, options.get(k).toString()));
    result.config().keySet().removeAll(Set.of("output_dir", "data_dir"));
    result.data().clear();
    return result;
  }

  private Report run(List<Trial> trials, TrialRunner runner) {
    return new Grid(trials, runner, new Grid.Listener() {}, new StopSignal()).run(folder, 2);
  }

  private List<Trial> trials(long seeds, String... criteria) {
    return TrialsTest.plan(folder, LongStream.range(0, seeds).boxed().toList(), criteria);
  }

  @Test
  void whatIsInTheLedgerIsNotRunAgain() {
    List<String> ran = new ArrayList<>();
    TrialRunner runner =
        (trial, progress, stop) -> {
          synchronized (ran) {
            ran.add(trial.name());
          }
          return result(trial);
        };
    assertEquals(2, run(trials(2, "r3f"), runner).results().size());
    assertEquals(Set.of("rte-r3f-0", "rte-r3f-1"), new TreeSet<>(ran));
    ran.clear();
    Report more = run(trials(2, "cross_entropy", "r3f"), runner);
    assertEquals(Set.of("rte-cross_entropy-0", "rte-cross_entropy-1"), new TreeSet<>(ran));
    assertEquals(
        List.of("rte-cross_entropy-0", "rte-r3f-0", "rte-cross_entropy-1", "rte-r3f-1"),
        more.results().stream().map(RunResult::run).toList());
    assertFalse(more.stopped());
  }

  /**
   * Whoever reads the ledger finds the rows, and the one to compare with, as they were asked for.
   */
  @Test
  void theLedgerIsInTheOrderOfTheTrialsWhicheverEndsFirst() throws IOException {
    Path ledger = folder.resolve(Ledger.NAME);
    run(trials(1, "smart"), (trial, progress, stop) -> result(trial));
    String before = Files.readString(ledger);
    CountDownLatch last = new CountDownLatch(1);
    TrialRunner firstEndsLast =
        (trial, progress, stop) -> {
          try {
            if (trial.config().criterion().equals("cross_entropy")) {
              assertTrue(last.await(10, TimeUnit.SECONDS));
            }
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          if (trial.config().criterion().equals("r4f")) {
            last.countDown();
          }
          return result(trial);
        };
    run(trials(1, "cross_entropy", "r3f", "r4f"), firstEndsLast);
    assertEquals(
        List.of("rte-smart-0", "rte-cross_entropy-0", "rte-r3f-0", "rte-r4f-0"),
        Ledger.read(ledger).stream().map(RunResult::run).toList());
    assertTrue(Files.readString(ledger).startsWith(before));
  }

  @Test
  void aFailureEndsNothingElseAndIsTriedAgain() {
    TrialRunner runner =
        (trial, progress, stop) -> {
          switch ((int) trial.config().seed()) {
            case 1:
              throw new TrialFailure(137, "killed");
            case 2:
              throw new HoldfastException(HoldfastException.Kind.OUT_OF_MEMORY, "too large");
            case 3:
              throw new AssertionError("a defect");
            default:
              return result(trial);
          }
        };
    Report report = run(trials(5, "r3f"), runner);
    assertEquals(2, report.results().size());
    assertFalse(report.stopped());
    assertEquals(
        Set.of(1, 5, 137),
        new TreeSet<>(report.failures().stream().map(f -> f.exitCode()).toList()));
    Report again = run(trials(5, "r3f"), (trial, progress, stop) -> result(trial));
    assertEquals(5, again.results().size());
    assertEquals(5, Ledger.read(folder.resolve(Ledger.NAME)).size());
  }

  @Test
  void aStopStartsNothingMore() throws InterruptedException {
    StopSignal stop = new StopSignal();
    CountDownLatch both = new CountDownLatch(2);
    TrialRunner runner =
        (trial, progress, asked) -> {
          both.countDown();
          try {
            assertTrue(both.await(10, TimeUnit.SECONDS));
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          asked.request();
          return trial.config().seed() == 0 ? result(trial) : null;
        };
    Report report = new Grid(trials(6, "r3f"), runner, new Grid.Listener() {}, stop).run(folder, 2);
    assertTrue(report.stopped());
    assertEquals(1, report.results().size());
    assertEquals(6, run(trials(6, "r3f"), (t, p, s) -> result(t)).results().size());
  }

  @Test
  void otherOptionsAndOtherPeoplesFoldersAreRefused() throws IOException {
    run(trials(1, "r3f"), (trial, progress, stop) -> result(trial));
    Trial one = trials(1, "r3f").get(0);
    var options = new java.util.TreeMap<>(one.options());
    options.put("learning_rate", "3e-5");
    List<Trial> other = List.of(Trial.of(one.name(), options));
    String said =
        assertThrows(HoldfastException.class, () -> run(other, (t, p, s) -> result(t)))
            .getMessage();
    assertTrue(said.contains("--learning-rate was 2.0E-5, is 3.0E-5"), said);

    Path theirs = Files.createDirectories(folder.resolve("theirs"));
    Files.writeString(theirs.resolve("thesis.txt"), "mine");
    Grid grid =
        new Grid(
            trials(1, "r3f"), (t, p, s) -> result(t), new Grid.Listener() {}, new StopSignal());
    assertThrows(HoldfastException.class, () -> grid.run(theirs, 1));
    assertThrows(HoldfastException.class, () -> grid.run(theirs.resolve("thesis.txt"), 1));
    assertEquals(1, Files.list(theirs).count());
  }

  /** The bytes decide, not the path. */
  @Test
  void otherDataIsRefused(@TempDir Path elsewhere) throws IOException {
    Path data = Files.createDirectories(elsewhere.resolve("a"));
    Path moved = elsewhere.resolve("b");
    Files.writeString(data.resolve("train.tsv"), "abc");
    Trial first = withData(data);
    TrialRunner runner =
        (trial, progress, stop) -> {
          RunResult result = result(trial);
          result.data().put("train", ABC);
          return result;
        };
    run(List.of(first), runner);
    Files.move(data, moved);
    assertEquals(1, run(List.of(withData(moved)), runner).results().size());
    Files.writeString(moved.resolve("train.tsv"), "abcd");
    String said =
        assertThrows(HoldfastException.class, () -> run(List.of(withData(moved)), runner))
            .getMessage();
    assertTrue(said.contains("the train data was other than " + moved), said);
  }

  private Trial withData(Path data) {
    Trial trial = trials(1, "r3f").get(0);
    var options = new java.util.TreeMap<>(trial.options());
    options.put("data_dir", data.toString());
    return Trial.of(trial.name(), options);
  }

  @Test
  void twoGridsInOneFolderAreRefused() {
    TrialRunner inner =
        (trial, progress, stop) -> {
          String said =
              assertThrows(HoldfastException.class, () -> run(trials(1, "r3f"), (t, p, s) -> null))
                  .getMessage();
          assertTrue(said.contains("another process"), said);
          return result(trial);
        };
    assertEquals(List.of(), run(trials(1, "r3f"), inner).failures());
  }

  /** A process that runs a grid is killed again and again; the ledger has every run once. */
  @Test
  void killed() throws IOException, InterruptedException {
    SplittableRandom random = new SplittableRandom(3);
    Path ledger = folder.resolve(Ledger.NAME);
    int kills = 0;
    for (int attempt = 0; attempt < 30 && kills < 5; attempt++) {
      long before = Files.exists(ledger) ? Files.size(ledger) : 0;
      Process child =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  GridTest.class.getName(),
                  folder.toString())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      while (child.isAlive() && (!Files.exists(ledger) || Files.size(ledger) == before)) {
        Thread.sleep(1);
      }
      Thread.sleep(random.nextInt(30));
      kills += child.isAlive() ? 1 : 0;
      child.destroyForcibly().waitFor();
    }
    assertEquals(5, kills);
    Report rest = run(trials(50, "cross_entropy", "r3f"), (t, p, s) -> result(t));
    assertEquals(100, rest.results().size());
    List<RunResult> lines = Ledger.read(ledger);
    assertEquals(100, lines.size());
    assertEquals(100, lines.stream().map(RunResult::run).distinct().count());
    assertEquals(
        rest.results(), trials(50, "cross_entropy", "r3f").stream().map(GridTest::result).toList());
  }

  public static void main(String[] args) {
    GridTest test = new GridTest();
    test.folder = Path.of(args[0]);
    test.run(
        test.trials(50, "cross_entropy", "r3f"),
        (trial, progress, stop) -> {
          try {
            Thread.sleep(5);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          return result(trial);
        });
  }
}
