package io.holdfast.cli;

import io.holdfast.engine.criteria.FreelbOptions;
import io.holdfast.engine.criteria.HypeOptions;
import io.holdfast.engine.criteria.R3fOptions;
import io.holdfast.engine.criteria.R4fOptions;
import io.holdfast.engine.criteria.RDropOptions;
import io.holdfast.engine.criteria.SiftOptions;
import io.holdfast.engine.criteria.SmartOptions;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.optim.Schedule;
import io.holdfast.engine.options.Options;
import io.holdfast.engine.strategies.StrategyOptions;
import io.holdfast.engine.train.Outcome;
import io.holdfast.engine.train.TrainConfig;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** holdfast train: its flags are the options of {@link TrainConfig} and the few here. */
@Command(
    name = "train",
    header = "Fine-tunes a model.",
    customSynopsis =
        "holdfast train --model MODEL --task TASK --data-dir DIR --output-dir OUT [OPTION...]",
    description = {
      "The same command resumes a run that was stopped. Flags may have underscores for dashes; names",
      "after 'also' are those of Hugging Face's run_glue and of fairseq-train.",
      ""
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {

  /** Groups of options, and the criteria that take them. */
  private static final Map<Class<? extends Record>, Set<String>> OPTIONS_OF =
      Map.of(
          R3fOptions.class, Set.of("r3f", "r4f"),
          R4fOptions.class, Set.of("r4f"),
          SmartOptions.class, Set.of("smart"),
          FreelbOptions.class, Set.of("freelb"),
          RDropOptions.class, Set.of("r_drop"),
          HypeOptions.class, Set.of("hype"),
          SiftOptions.class, Set.of("sift"));

  @Mixin private TrainArguments arguments;

  @Option(
      names = "--log-format",
      paramLabel = "auto|plain|json|none",
      description = "progress on stderr; default auto: a bar on a terminal, otherwise plain")
  private LogFormat logFormat = LogFormat.AUTO;

  @Option(names = "--json", description = "print the results as one JSON object on stdout")
  private boolean json;

  @Option(
      names = "--grid-run",
      hidden = true,
      description = "the process of a run of a grid; what stays of it, as --keep of sweep says")
  private Keep gridRun;

  @Override
  public Integer call() {
    if (arguments.listsRecipes()) {
      System.out.print(Recipes.list());
      return 0;
    }
    return gridRun != null
        ? GridRun.run(options(), gridRun)
        : finish(Training.run(options(), logFormat));
  }

  /** What the command line asks for: flags, then the configuration file, then defaults. */
  TrainConfig options() {
    TrainArguments.Given given = arguments.given();
    TrainConfig options = TrainConfig.of(given.values());
    if (gridRun == null) { // of a grid's run the grid has said it
      check(given.flags().keySet(), options);
      warnOfUnused(given.flags().keySet(), Set.of(options.criterion()));
    }
    return options;
  }

  /** Throws (kind USAGE) what {@link #complaint} says. */
  static void check(Set<String> given, TrainConfig options) {
    if (options.task() != null) {
      Tasks.named(options.task()); // refuses what is no task before anything is loaded
    }
    String complaint = complaint(given, options);
    if (complaint != null) {
      throw Main.usage(complaint);
    }
  }

  /** What was asked for, by key, must have an effect: the first that has none; null if all have. */
  static String complaint(Set<String> given, TrainConfig options) {
    if (given.contains("data_dir") && given.contains("train_file")) {
      return "--data-dir and --train-file both name the training rows: give one";
    }
    Map<String, String> needs = new LinkedHashMap<>();
    if (options.validationFile() == null && options.dataDir() == null) {
      for (String key : List.of("eval_on_start", "max_eval_samples", "metric_for_best_model")) {
        needs.put(key, "--validation-file or --data-dir");
      }
    }
    if (options.evalStrategy() != TrainConfig.When.STEPS) {
      needs.put("eval_steps", "--eval-strategy steps");
    }
    if (options.saveStrategy() != TrainConfig.When.STEPS) {
      needs.put("save_steps", "--save-strategy steps");
    }
    StrategyOptions strategies = options.strategies();
    if (!strategies.averages()) {
      for (String key : List.of("average_start", "average_every", "average_learning_rate")) {
        needs.put(key, "--average swa or ema");
      }
    }
    if (strategies.average() != StrategyOptions.Average.EMA) {
      needs.put("average_decay", "--average ema");
    }
    if (options.lrSchedulerType() != Schedule.Shape.POLYNOMIAL) {
      needs.put("lr_end", "--lr-scheduler-type polynomial");
      needs.put("lr_power", "--lr-scheduler-type polynomial");
    }
    needs.keySet().retainAll(given);
    return needs.entrySet().stream()
        .findFirst()
        .map(
            missing ->
                "--%s has no effect without %s: add it, or leave it out"
                    .formatted(missing.getKey().replace('_', '-'), missing.getValue()))
        .orElse(null);
  }

  /** Says which of the options that were asked for, by key, none of the criteria takes. */
  static void warnOfUnused(Set<String> given, Set<String> criteria) {
    Logger log = LoggerFactory.getLogger(Logs.ERRORS);
    OPTIONS_OF.forEach(
        (group, takers) -> {
          for (Options.Info info : Options.describe(group)) {
            if (given.contains(info.key()) && Collections.disjoint(takers, criteria)) {
              String all = String.join(" or ", criteria);
              log.warn("{} has no effect with --criterion {}", info.flag(), all);
            }
          }
        });
  }

  private int finish(Outcome outcome) {
    if (json) {
      Results.json(Results.of(outcome));
    } else if (outcome.status() != Outcome.Status.STOPPED && !outcome.best().isEmpty()) {
      Results.table(outcome);
    }
    Logger log = LoggerFactory.getLogger(Logs.RUN);
    if (outcome.status() == Outcome.Status.STOPPED) {
      log.info("stopped at step {} and saved; the same command goes on", outcome.steps());
      return Training.STOPPED;
    }
    log.info(
        String.format(
            Locale.ROOT,
            "%d updates in %.1f s (%.3f s and %.2f times the passes of cross_entropy each); the"
                + " model and its reports are in %s",
            outcome.steps(),
            outcome.elapsed().toMillis() / 1000.0,
            outcome.cost().seconds(),
            outcome.cost().relativePasses(),
            outcome.outputDir()));
    return 0;
  }
}
