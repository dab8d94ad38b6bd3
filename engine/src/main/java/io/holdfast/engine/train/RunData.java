package io.holdfast.engine.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.data.Batches;
import io.holdfast.engine.data.Columns;
import io.holdfast.engine.data.Dataset;
import io.holdfast.engine.data.DatasetReader;
import io.holdfast.engine.data.Split;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.data.TokenizedDataset;
import io.holdfast.engine.run.Json;
import io.holdfast.model.text.Tokenizer;
import java.nio.file.Path;
import java.util.function.BiFunction;

/**
 * The rows of a run as tokens.
 *
 * @param dev null: nothing is evaluated
 * @param test null: nothing is predicted
 */
record RunData(TokenizedDataset train, TokenizedDataset dev, TokenizedDataset test) {

  /** The task that the options name; what they leave to the file is said. */
  static Task task(TrainConfig config, ProgressListener to) {
    if (config.task() != null) {
      return Tasks.named(config.task());
    }
    Columns columns =
        Columns.named(config.textColumn(), config.textPairColumn(), config.labelColumn());
    Task.Kind kind = config.regression() ? Task.Kind.REGRESSION : null;
    Task task = Tasks.custom(TrainConfig.CUSTOM, columns, kind, config.trainFile());
    if (task.regression() && !config.regression()) {
      to.warning(
          config.trainFile()
              + ": the labels are numbers, not all integers: taken as values to predict, as with"
              + " --regression");
    } else if (!task.regression()) {
      to.message(config.trainFile() + ": the classes are " + Tasks.listed(task.labels()));
    }
    return task;
  }

  /** Reads and tokenises all files; what is cut or left out is said. */
  static RunData read(
      TrainConfig config, Task task, Tokenizer tokenizer, int maxTokens, ProgressListener to) {
    BiFunction<Split, Integer, TokenizedDataset> rows =
        (split, most) -> {
          Path file = config.file(split);
          boolean labelled = split != Split.TEST;
          return file == null
              ? null
              : tokenize(DatasetReader.read(task, file, labelled, most), tokenizer, maxTokens, to);
        };
    return new RunData(
        rows.apply(Split.TRAIN, config.maxTrainSamples()),
        rows.apply(Split.DEV, config.maxEvalSamples()),
        rows.apply(Split.TEST, 0));
  }

  /** What is cut or left out is said. */
  static TokenizedDataset tokenize(
      Dataset data, Tokenizer tokenizer, int maxTokens, ProgressListener to) {
    String file = data.file() == null ? "the texts" : data.file().toString();
    data.notes().forEach(to::warning);
    TokenizedDataset tokens = TokenizedDataset.of(data, tokenizer, maxTokens);
    to.message(file + ": " + tokens.size() + " rows, " + tokens.tokenCount() + " tokens");
    if (tokens.truncated() > 0) {
      to.warning(
          file
              + ": "
              + tokens.truncated()
              + " rows were cut to "
              + maxTokens
              + " tokens (the longest has "
              + tokens.longestBeforeTruncation()
              + ")");
    }
    return tokens;
  }

  /** Bounds of every evaluation batch; null if there is none. */
  Batches.Bounds evaluationBounds(int batchSize) {
    Batches.Bounds bounds = null;
    for (TokenizedDataset data : new TokenizedDataset[] {dev, test}) {
      if (data != null) {
        Batches.Bounds own = Validation.batches(data, batchSize).bounds();
        bounds = bounds == null ? own : larger(bounds, own);
      }
    }
    return bounds;
  }

  private static Batches.Bounds larger(Batches.Bounds a, Batches.Bounds b) {
    return new Batches.Bounds(
        Math.max(a.sequences(), b.sequences()),
        Math.max(a.tokens(), b.tokens()),
        Math.max(a.maxLength(), b.maxLength()));
  }

  /** For run.json: which bytes were read. */
  ObjectNode describe() {
    ObjectNode all = Json.object();
    describe(all, "train", train);
    describe(all, "validation", dev);
    describe(all, "test", test);
    return all;
  }

  private static void describe(ObjectNode all, String name, TokenizedDataset data) {
    if (data != null) {
      all.putObject(name)
          .put("file", data.data().file().toString())
          .put("sha256", data.data().sha256())
          .put("rows", data.size())
          .put("tokens", data.tokenCount())
          .put("truncated", data.truncated());
    }
  }
}
