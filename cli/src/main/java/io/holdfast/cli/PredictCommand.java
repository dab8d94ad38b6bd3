package io.holdfast.cli;

import io.holdfast.engine.data.Dataset;
import io.holdfast.engine.data.DatasetReader;
import io.holdfast.engine.data.Example;
import io.holdfast.engine.data.Split;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.train.Prediction;
import io.holdfast.engine.train.Predictor;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.ModelConfig;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** holdfast predict: a trained model's answers, for texts on the command line or in a file. */
@Command(
    name = "predict",
    header = "Predicts labels or numbers with a trained model.",
    customSynopsis = "holdfast predict --model MODEL --text TEXT [--text-pair TEXT] [OPTION...]",
    description = "Prints one line a text, with --json one JSON object a line.",
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class PredictCommand implements Callable<Integer> {

  @Mixin private ModelOptions model;

  @Option(names = "--text", paramLabel = "<text>", description = "a text; may be repeated")
  private List<String> texts = List.of();

  @Option(
      names = "--text-pair",
      paramLabel = "<text>",
      description = "the second text of a pair; as often as --text")
  private List<String> pairs = List.of();

  @Option(
      names = "--test-file",
      paramLabel = "<path>",
      description = "rows to predict (.tsv, .csv, .jsonl), labels not needed")
  private Path testFile;

  @Mixin private DataOptions data;

  @Override
  public Integer call() {
    checkTexts();
    try (Predictor predictor = model.open()) {
      Dataset rows =
          texts.isEmpty()
              ? read(predictor.config())
              : predictor.rows(texts, pairs.isEmpty() ? null : pairs);
      List<Prediction> predictions = predictor.predict(rows);
      for (int i = 0; i < predictions.size(); i++) {
        print(predictor.config(), rows.examples().get(i), predictions.get(i));
      }
    }
    return 0;
  }

  private void checkTexts() {
    boolean fromFile = testFile != null || data.dataDir != null;
    if (texts.isEmpty() == !fromFile) {
      throw Main.usage(
          fromFile
              ? "--text and a file both name what to predict: give one"
              : "nothing to predict: give --text, or --test-file");
    }
    if (!pairs.isEmpty() && pairs.size() != texts.size()) {
      throw Main.usage(texts.size() + " --text but " + pairs.size() + " --text-pair: give as many");
    }
    texts.forEach(text -> notBlank("--text", text));
    pairs.forEach(text -> notBlank("--text-pair", text));
  }

  private static void notBlank(String flag, String text) {
    if (text.isBlank()) {
      throw new HoldfastException(
          HoldfastException.Kind.DATA, flag + " is empty: give it a text to predict");
    }
  }

  private Dataset read(ModelConfig config) {
    Task task = data.task(config, false);
    Path file = data.file(testFile, "--test-file", task, Split.TEST);
    return DatasetReader.read(task, file, false, 0);
  }

  /** On one line and in one column. */
  private static String printable(String text) {
    return text.replaceAll("\\R|\\p{Cntrl}", " ");
  }

  private void print(ModelConfig config, Example row, Prediction prediction) {
    if (!model.json) {
      String answer =
          config.regression()
              ? String.format(Locale.ROOT, "%.3f", prediction.value())
              : String.format(
                  Locale.ROOT,
                  "%s\t%.4f",
                  prediction.labelName(),
                  prediction.probabilities().get(prediction.label()));
      String second = row.second() == null ? "" : "\t" + printable(row.second());
      System.out.println(answer + "\t" + printable(row.first()) + second);
      return;
    }
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("text", row.first());
    if (row.second() != null) {
      object.put("text_pair", row.second());
    }
    if (config.regression()) {
      object.put("value", prediction.value());
    } else {
      Map<String, Double> probabilities = new LinkedHashMap<>();
      for (int c = 0; c < config.outputs(); c++) {
        probabilities.put(config.labels().get(c), prediction.probabilities().get(c));
      }
      object.put("label", prediction.labelName());
      object.put("score", prediction.probabilities().get(prediction.label()));
      object.put("probabilities", probabilities);
    }
    Results.json(object);
  }
}
