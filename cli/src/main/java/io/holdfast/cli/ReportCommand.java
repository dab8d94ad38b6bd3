package io.holdfast.cli;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.Ledger;
import io.holdfast.engine.compare.RunReader;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** holdfast report: compares runs that are there. */
@Command(
    name = "report",
    header = "Compares runs: a table, and a page with drawings.",
    customSynopsis = "holdfast report PATH... [--html FILE] [--markdown FILE] [OPTION...]",
    description = {
      "Runs of a task that differ in the seed alone are one row of its table. Runs that have not",
      "ended are left out.",
      ""
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class ReportCommand implements Callable<Integer> {

  @Parameters(
      paramLabel = "PATH",
      arity = "1..*",
      description = "a run, a folder of runs or of a grid, or the ledger.jsonl of one")
  private List<Path> paths;

  @Option(names = "--html", paramLabel = "<path>", description = "write the page here")
  private Path html;

  @Option(names = "--markdown", paramLabel = "<path>", description = "write the tables here")
  private Path markdown;

  @Option(names = "--best-first", description = "rows by their mean score, not as they come")
  private boolean bestFirst;

  @Mixin private ReportOptions options;

  @Override
  public Integer call() {
    List<RunResult> runs = new ArrayList<>();
    for (Path path : paths) {
      runs.addAll(runs(path));
    }
    if (runs.isEmpty()) {
      throw new HoldfastException(
          HoldfastException.Kind.DATA, paths + ": no run that has ended; name folders of runs");
    }
    var order = bestFirst ? Comparison.Order.BEST_FIRST : Comparison.Order.GIVEN;
    options.write(runs, true, order, markdown, html);
    return 0;
  }

  private static List<RunResult> runs(Path path) {
    if (Files.isRegularFile(path)) {
      return Ledger.read(path);
    }
    RunResult one = RunReader.read(path);
    if (one != null) {
      return List.of(one);
    }
    Path ledger = path.resolve(Ledger.NAME);
    List<RunResult> all = new ArrayList<>(Files.exists(ledger) ? Ledger.read(ledger) : List.of());
    Set<String> known = all.stream().map(RunResult::run).collect(Collectors.toSet());
    try (Stream<Path> entries = Files.list(path)) {
      for (Path folder : entries.filter(Files::isDirectory).sorted().toList()) {
        if (known.contains(folder.getFileName().toString())) {
          continue;
        }
        RunResult run = RunReader.read(folder);
        if (run != null) {
          all.add(run);
        } else if (Files.exists(folder.resolve("run.json"))) {
          LoggerFactory.getLogger(Logs.ERRORS).warn("{} has not ended: left out", folder);
        }
      }
      return all;
    } catch (IOException e) {
      throw Main.usage(path + ": no such folder or file");
    }
  }
}
