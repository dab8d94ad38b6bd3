package io.holdfast.cli;

import io.holdfast.engine.data.Columns;
import io.holdfast.engine.data.Split;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.Tasks;
import io.holdfast.model.ModelConfig;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which rows, and what they ask. */
final class DataOptions {

  @Option(
      names = "--task",
      paramLabel = "<text>",
      description = "a GLUE task (cola, sst2, mrpc, …); without it: files and columns")
  String task;

  @Option(
      names = "--data-dir",
      paramLabel = "<path>",
      description = "folder with the task's files, dev.tsv and so on")
  Path dataDir;

  @Option(names = "--text-column", paramLabel = "<text>", description = "column of the first text")
  String textColumn;

  @Option(
      names = "--text-pair-column",
      paramLabel = "<text>",
      description = "column of the second text of a pair")
  String textPairColumn;

  @Option(names = "--label-column", paramLabel = "<text>", description = "column of the label")
  String labelColumn;

  /** The task by name, or one of the user's own with the classes of the model. */
  Task task(ModelConfig model, boolean labelled) {
    if (task != null) {
      if (textColumn != null || textPairColumn != null || labelColumn != null) {
        throw Main.usage("--task " + task + " knows its columns: leave out --task or the columns");
      }
      return Tasks.named(task);
    }
    if (textColumn == null || labelled && labelColumn == null) {
      throw Main.usage(
          "no task: give --task, or --text-column" + (labelled ? " and --label-column" : ""));
    }
    String label = labelColumn == null ? "label" : labelColumn;
    Columns columns = Columns.named(textColumn, textPairColumn, label);
    return model.regression()
        ? Tasks.regression("custom", columns)
        : Tasks.classification("custom", columns, model.labels());
  }

  /** {@code file}, or the task's file in the data folder. */
  Path file(Path file, String flag, Task task, Split split) {
    if ((file == null) == (dataDir == null)) {
      throw Main.usage(
          file == null
              ? "no rows: give --data-dir or " + flag
              : "--data-dir and " + flag + " both name the rows: give one");
    }
    return file != null ? file : Tasks.file(task.name(), dataDir, split);
  }
}
