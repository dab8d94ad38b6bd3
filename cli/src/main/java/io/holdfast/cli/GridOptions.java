package io.holdfast.cli;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.Grid;
import io.holdfast.engine.compare.Ledger;
import io.holdfast.engine.compare.Trial;
import io.holdfast.engine.compare.Trials;
import io.holdfast.engine.data.Split;
import io.holdfast.engine.data.Tasks;
import io.holdfast.kernels.HoldfastException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Plans, runs and reports a grid. */
final class GridOptions {

  private static final List<String> PAGES = List.of("report.md", "report.html");

  @Option(
      names = "--seeds",
      paramLabel = "<list>",
      description = "seeds of the runs, as 0-4 or 1,2,5; default: 0-4 of compare, --seed of sweep")
  private String seeds;

  @Option(
      names = "--tasks",
      paramLabel = "<list>",
      description = "several GLUE tasks, as rte,mrpc,cola, in place of --task")
  private String tasks;

  @Option(
      names = "--data-root",
      paramLabel = "<path>",
      description = "folder of the tasks' folders, named as GLUE's: RTE, MRPC, CoLA, SST-2, …")
  private Path dataRoot;

  @Option(
      names = "--workers",
      paramLabel = "<integer>",
      description =
          "runs at a time, each a process with --threads threads (default: an equal share of the"
              + " cores); >= 1; default 1; under spark-submit both defaults are what Spark has room"
              + " for")
  private Integer workers;

  @Option(
      names = "--keep",
      paramLabel = "results|model|all",
      description =
          "what stays of a run that has ended: no weights, the best model, or checkpoints too;"
              + " default ${DEFAULT-VALUE}")
  private Keep keep = Keep.MODEL;

  @Option(
      names = "--log-format",
      paramLabel = "auto|plain|json|none",
      description = "progress on stderr: a line a run; default auto: a live line on a terminal too")
  private LogFormat logFormat = LogFormat.AUTO;

  @Mixin private ReportOptions report;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  /**
   * Runs every setting on every task with every seed.
   *
   * @param common options of every run, by key
   * @param settings by name, their options by key
   * @param defaultSeeds where the command line names none
   * @param order of the rows of the report
   * @return the exit code
   */
  int run(
      TrainArguments.Given common,
      Map<String, Map<String, String>> settings,
      String defaultSeeds,
      Comparison.Order order) {
    Map<String, String> values = new LinkedHashMap<>(common.values());
    if (seeds != null && common.flags().containsKey("seed")) {
      throw Main.usage("--seed and --seeds both name seeds: give one");
    }
    String out = values.remove("output_dir");
    if (out == null) {
      throw Main.usage("--output-dir is missing: name a new or empty folder");
    }
    if (workers != null) {
      Main.atLeast("--workers", workers, 1);
    }
    values.remove("seed");
    String asked = seeds != null ? seeds : common.flags().get("seed");
    if (values.getOrDefault("threads", "0").equals("0")) {
      int threads = place().threads(workers != null ? workers : 1);
      values.put("threads", String.valueOf(threads));
    }
    Path folder = Path.of(out);
    List<Trial> trials =
        Trials.plan(
            values,
            byTask(values),
            settings,
            Trials.seeds(asked != null ? asked : defaultSeeds),
            folder);
    check(trials, common.flags(), settings);
    requireOwnPages(folder);
    return run(trials, folder, order);
  }

  /** What no trial could do anything with is said before the first one starts. */
  private void check(
      List<Trial> trials, Map<String, String> flags, Map<String, Map<String, String>> settings) {
    Set<String> given = new TreeSet<>(flags.keySet());
    settings.values().forEach(options -> given.addAll(options.keySet()));
    Set<String> criteria = new TreeSet<>();
    for (Trial trial : trials) {
      TrainCommand.check(flags.keySet(), trial.config());
      criteria.add(trial.config().criterion());
    }
    // An option that is swept over needs what it goes with in one trial at least.
    if (trials.stream().allMatch(t -> TrainCommand.complaint(given, t.config()) != null)) {
      TrainCommand.check(given, trials.get(0).config());
    }
    TrainCommand.warnOfUnused(given, criteria);
    requireDifferent(trials);
    report.check(trials);
    for (Trial trial : trials) {
      for (Split split : Split.values()) {
        requireReadable(trial.config().file(split));
      }
    }
  }

  private static void requireReadable(Path file) {
    if (file != null && !Files.isReadable(file)) {
      throw new HoldfastException(
          HoldfastException.Kind.DATA, file + ": no such file, or not readable");
    }
  }

  /** Pages of this name that no grid wrote are not written over. */
  private static void requireOwnPages(Path folder) {
    boolean grid =
        Files.exists(folder.resolve(Ledger.NAME)) || Files.exists(folder.resolve(Grid.LOCK));
    for (String page : PAGES) {
      if (!grid && Files.exists(folder.resolve(page))) {
        throw Main.usage(
            "--output-dir "
                + folder
                + " has a "
                + page
                + " that is no grid's: name another folder");
      }
    }
  }

  /** Names of one run would be several runs of one seed in one row of the report. */
  private static void requireDifferent(List<Trial> trials) {
    Map<Map<String, String>, String> names = new HashMap<>();
    for (Trial trial : trials) {
      String other = names.put(trial.decisive(), trial.name());
      if (other != null) {
        throw Main.usage(
            other + " and " + trial.name() + " would be the same run twice: leave out one setting");
      }
    }
  }

  /** The options that each task adds, by its name. */
  private Map<String, Map<String, String>> byTask(Map<String, String> values) {
    if (tasks == null) {
      if (dataRoot != null) {
        throw Main.usage("--data-root needs --tasks: name them, or give --task and --data-dir");
      }
      String file = values.get("train_file");
      return Map.of(
          Tasks.nameOf(values.get("task"), file == null ? null : Path.of(file)), Map.of());
    }
    Set<String> ofOne = Set.of("task", "data_dir", "train_file", "validation_file");
    if (dataRoot == null || !Collections.disjoint(values.keySet(), ofOne)) {
      throw Main.usage("--tasks goes with --data-root, without --task, --data-dir and files");
    }
    Map<String, Map<String, String>> all = new LinkedHashMap<>();
    for (String name : tasks.split(",", -1)) {
      var task = Tasks.named(name.strip());
      String data = Tasks.folder(task, dataRoot).toString();
      all.put(task.name(), Map.of("task", task.name(), "data_dir", data));
    }
    return all;
  }

  private Place place() {
    return ((Main) command.root().userObject()).place();
  }

  private int run(List<Trial> trials, Path folder, Comparison.Order order) {
    Grid.Report done;
    int atATime = Math.min(workers != null ? workers : place().workers(), trials.size());
    GridProgress progress = new GridProgress(trials, workers != null ? workers : 1, logFormat);
    try (Signals signals = Signals.install(null)) {
      signals.canSave();
      ChildTraining training = new ChildTraining(place(), keep);
      done = new Grid(trials, training, progress, signals.stop()).run(folder, atATime);
    } finally {
      progress.close();
    }
    if (!done.results().isEmpty()) {
      boolean all = done.results().size() == trials.size();
      report.write(
          done.results(), all, order, folder.resolve(PAGES.get(0)), folder.resolve(PAGES.get(1)));
    }
    if (done.stopped()) {
      LoggerFactory.getLogger(Logs.RUN)
          .info(
              "{} of {} runs have ended; the same command goes on",
              done.results().size(),
              trials.size());
      return Training.STOPPED;
    }
    return done.failures().isEmpty() ? 0 : done.failures().get(0).exitCode();
  }
}
