package io.holdfast.cli;

import io.holdfast.engine.data.Split;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.train.Predictor;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** holdfast eval: the task's metrics of a trained model. */
@Command(
    name = "eval",
    header = "Evaluates a trained model on labelled rows.",
    customSynopsis = "holdfast eval --model MODEL --task TASK --data-dir DIR [OPTION...]",
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class EvalCommand implements Callable<Integer> {

  @Mixin private ModelOptions model;
  @Mixin private DataOptions data;

  @Option(
      names = "--validation-file",
      paramLabel = "<path>",
      description = "rows with labels (.tsv, .csv, .jsonl), in place of --data-dir")
  private Path validationFile;

  @Override
  public Integer call() {
    try (Predictor predictor = model.open()) {
      Task task = data.task(predictor.config(), true);
      Path file = data.file(validationFile, "--validation-file", task, Split.DEV);
      Map<String, Double> metrics = predictor.evaluate(task, file);
      if (model.json) {
        Results.json(metrics);
      } else {
        Results.text(metrics);
      }
    }
    return 0;
  }
}
