package io.holdfast.cli.demo;

import io.holdfast.cli.LogFormat;
import io.holdfast.cli.Main;
import io.holdfast.cli.Results;
import io.holdfast.cli.Training;
import io.holdfast.engine.train.Outcome;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.model.io.Assets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** holdfast demo: the main job on real input, from the build's assets to a better model. */
@Command(
    name = "demo",
    header = "Fine-tunes MiniLM with R3F on real sentences, in a few minutes.",
    description = {
      "The model is all-MiniLM-L6-v2. It learns to tell wrong English sentences from corrected ones,",
      "the examples of LanguageTool's grammar rules; no rule is in both the training and the",
      "development sentences.",
      ""
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
public final class DemoCommand implements Callable<Integer> {

  private static final int DEV_PAIRS = 500;

  @Option(
      names = "--output-dir",
      paramLabel = "<path>",
      description =
          "where everything is written; default: holdfast-demo here, or holdfast-demo-2, … if that"
              + " is taken")
  private Path outputDir;

  @Option(
      names = "--train-pairs",
      paramLabel = "<integer>",
      description = "most pairs of sentences to train on; >= 1; default ${DEFAULT-VALUE}")
  private int trainPairs = 5000;

  @Option(
      names = {"--max-steps"},
      paramLabel = "<integer>",
      description = "stop after that many updates; default -1: one epoch")
  private int maxSteps = -1;

  @Option(
      names = "--threads",
      paramLabel = "<integer>",
      description = "worker threads; default 0: one per core")
  private int threads;

  @Option(
      names = "--seed",
      paramLabel = "<integer>",
      description = "seed of everything random; default ${DEFAULT-VALUE}")
  private long seed = 1;

  @Option(
      names = "--log-format",
      paramLabel = "auto|plain|json|none",
      description = "progress on stderr; default auto: a bar on a terminal, otherwise plain")
  private LogFormat logFormat = LogFormat.AUTO;

  @Override
  public Integer call() {
    Main.atLeast("--train-pairs", trainPairs, 1);
    Path folder = outputDir == null ? fresh(Path.of("holdfast-demo")) : empty(outputDir);
    Path rules = Assets.folder().resolve("languagetool").resolve("grammar.xml");
    AcceptabilityData data =
        AcceptabilityData.of(LanguageToolExamples.read(rules), trainPairs, DEV_PAIRS);
    Map<String, Object> options = options(folder);
    TrainConfig config = TrainConfig.of(options); // refuses what it must before anything is written
    data.write(folder.resolve("data"));
    System.err.printf(
        "%d training and %d development sentences, half of them wrong, are in %s%n",
        2 * data.train().size(), 2 * data.dev().size(), folder.resolve("data"));
    Outcome outcome = Training.run(config, logFormat);
    return finish(folder, options, outcome);
  }

  private Map<String, Object> options(Path folder) {
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("model", Assets.MINILM);
    options.put("train_file", folder.resolve("data").resolve("train.tsv"));
    options.put("validation_file", folder.resolve("data").resolve("dev.tsv"));
    options.put("text_column", AcceptabilityData.SENTENCE);
    options.put("label_column", AcceptabilityData.LABEL);
    options.put("criterion", "r3f");
    options.put("learning_rate", "1e-4");
    options.put("num_train_epochs", "1");
    options.put("per_device_train_batch_size", "32");
    options.put("max_seq_length", "128");
    options.put("warmup", "0.06");
    options.put("eval_on_start", "true");
    options.put("logging_steps", "10");
    options.put("max_steps", maxSteps);
    options.put("threads", threads);
    options.put("seed", seed);
    options.put("output_dir", folder.resolve("model"));
    return options;
  }

  private static int finish(Path folder, Map<String, Object> options, Outcome outcome) {
    Path model = outcome.outputDir();
    if (outcome.status() == Outcome.Status.STOPPED) {
      System.err.printf(
          "stopped at step %d and saved; to go on: ./holdfast train --config %s%n",
          outcome.steps(), model.resolve("run.json"));
      return Training.STOPPED;
    }
    Results.table(outcome);
    StringBuilder again = new StringBuilder("./holdfast train");
    options.forEach(
        (key, value) -> {
          if (!key.equals("output_dir")) {
            again.append(" --").append(key.replace('_', '-')).append(' ').append(value);
          }
        });
    System.out.printf(
        """

        Everything is in %s: the sentences in data, the model and its reports in model.
        The same run by hand:
          %s --output-dir OUT
        Now a sentence of your own:
          ./holdfast predict --model %s --text "She have two cat."
        """,
        folder, again, model);
    return 0;
  }

  private static Path fresh(Path wanted) {
    Path folder = wanted;
    for (int i = 2; !isEmpty(folder); i++) {
      folder = Path.of(wanted + "-" + i);
    }
    return folder;
  }

  private static Path empty(Path folder) {
    if (!isEmpty(folder)) {
      throw Main.usage(
          folder + " is not an empty folder: name a new --output-dir (nothing was changed)");
    }
    return folder;
  }

  private static boolean isEmpty(Path folder) {
    String[] names = folder.toFile().list(); // null: a file, or not readable
    return names == null ? !Files.exists(folder) : names.length == 0;
  }
}
