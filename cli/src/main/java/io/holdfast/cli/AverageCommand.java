package io.holdfast.cli;

import io.holdfast.engine.data.Split;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.train.ModelAverage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** holdfast average: one model out of several. */
@Command(
    name = "average",
    header = "Averages the weights of trained models.",
    customSynopsis = {
      "holdfast average MODEL MODEL... --output-dir OUT [--soup greedy] [OPTION...]",
      "holdfast average MODEL --base BASE --alpha LIST --output-dir OUT [OPTION...]"
    },
    description = {
      "A model is a folder in Hugging Face layout or a checkpoint of a finished run. Rows with labels",
      "(--task with --data-dir, or --validation-file) choose among several alphas and in a greedy soup.",
      ""
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class AverageCommand implements Callable<Integer> {

  /** How several models become one. */
  enum Soup {
    UNIFORM,
    GREEDY
  }

  @Parameters(paramLabel = "MODEL", description = "a trained model", arity = "0..*")
  private List<String> models = List.of();

  @Option(
      names = "--base",
      paramLabel = "<path>",
      description = "interpolate between this model, or minilm, and the MODEL (WiSE-FT)")
  private String base;

  @Option(
      names = "--alpha",
      paramLabel = "<list>",
      description = "share of the MODEL, one or several as 0.25,0.5,0.75; default 0.5")
  private String alpha;

  @Option(
      names = "--soup",
      paramLabel = "uniform|greedy",
      description = "mean of all, or of those that do not make it worse; default uniform")
  private Soup soup;

  @Option(names = "--output-dir", paramLabel = "<path>", description = "a new or empty folder")
  private Path output;

  @Mixin private DataOptions data;

  @Option(
      names = "--validation-file",
      paramLabel = "<path>",
      description = "rows with labels (.tsv, .csv, .jsonl), in place of --data-dir")
  private Path validationFile;

  @Mixin private InferenceOptions inference;

  @Option(names = "--json", description = "print JSON on stdout")
  private boolean json;

  @Override
  public Integer call() {
    List<Double> alphas = alphas();
    boolean evaluates = data.task != null || data.dataDir != null || validationFile != null;
    check(alphas, evaluates);
    ModelAverage.requireFree(output);
    try (ModelAverage average =
        ModelAverage.open(models, inference.settings(), InferenceOptions.WARNINGS)) {
      ModelAverage.Data rows = evaluates ? rows(average) : null;
      if (base != null) {
        average.interpolate(base, alphas, rows);
      } else if (soup == Soup.GREEDY) {
        average.greedy(rows);
      } else {
        average.uniform(rows);
      }
      average.save(output, base);
      print(average);
    }
    return 0;
  }

  private ModelAverage.Data rows(ModelAverage average) {
    Task task = data.task(average.config(), true);
    return new ModelAverage.Data(
        task, data.file(validationFile, "--validation-file", task, Split.DEV));
  }

  private void check(List<Double> alphas, boolean evaluates) {
    if (output == null) {
      throw Main.usage("--output-dir is missing: name a new or empty folder");
    }
    if (base == null && models.size() < 2) {
      throw Main.usage("nothing to average: name two or more models, or one and --base");
    }
    if (base != null && (models.size() != 1 || soup != null)) {
      throw Main.usage("--base goes with one model and without --soup");
    }
    if (base == null && alpha != null) {
      throw Main.usage("--alpha has no effect without --base: add it, or leave it out");
    }
    if (!evaluates && (alphas.size() > 1 || soup == Soup.GREEDY)) {
      throw Main.usage(
          (soup == Soup.GREEDY ? "--soup greedy" : "several --alpha")
              + ": give --task and --data-dir, or --validation-file, to choose by");
    }
  }

  private List<Double> alphas() {
    List<Double> alphas = new ArrayList<>();
    for (String text : (alpha == null ? "0.5" : alpha).split(",", -1)) {
      try {
        double value = Double.parseDouble(text.strip());
        if (value >= 0 && value <= 1) {
          alphas.add(value);
          continue;
        }
      } catch (NumberFormatException e) {
        // said below
      }
      throw Main.usage("--alpha is '" + alpha + "': use numbers from 0 to 1, as 0.25,0.5,0.75");
    }
    return alphas;
  }

  private void print(ModelAverage average) {
    if (json) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("chosen", average.chosen());
      result.put("tried", average.candidates());
      result.put("output_dir", output.toString());
      Results.json(result);
      return;
    }
    average
        .candidates()
        .forEach(
            (name, metrics) -> {
              System.out.println(name);
              Results.text(metrics);
            });
    System.out.println("chosen: " + average.chosen() + ", in " + output);
  }
}
