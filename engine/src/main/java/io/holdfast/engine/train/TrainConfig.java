package io.holdfast.engine.train;

import io.holdfast.engine.criteria.CriterionOptions;
import io.holdfast.engine.data.Split;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.optim.LossScaleOptions;
import io.holdfast.engine.optim.Schedule;
import io.holdfast.engine.options.Option;
import io.holdfast.engine.options.Options;
import io.holdfast.engine.strategies.StrategyOptions;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Precision;
import io.holdfast.model.ModelConfig.HeadInit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Every option of a training run, under the names of Hugging Face's trainer where it has one. The
 * JSON key of a component is its name in snake case, the flag the same with dashes. Made by {@link
 * #of}, which fills in defaults, parses text and checks ranges.
 */
public record TrainConfig(
    @Option(help = "weights to start from: a folder in Hugging Face layout, or minilm")
        String model,
    @Option(help = "a GLUE task (cola, sst2, mrpc, …); without it: files and columns") String task,
    @Option(help = "folder with train.tsv and dev.tsv", free = true) Path dataDir,
    @Option(help = "training rows (.tsv, .csv, .jsonl)", free = true) Path trainFile,
    @Option(help = "evaluation rows", free = true) Path validationFile,
    @Option(help = "rows to predict after training", free = true) Path testFile,
    @Option(help = "column of the first text") String textColumn,
    @Option(help = "column of the second text of a pair") String textPairColumn,
    @Option(help = "column of the label") String labelColumn,
    @Option(help = "labels are values to predict; fractions always are", byDefault = "false")
        boolean regression,
    @Option(help = "longest input in tokens, specials included", byDefault = "512", min = 3)
        int maxSeqLength,
    @Option(help = "use the first N training rows; 0: all", byDefault = "0", min = 0)
        int maxTrainSamples,
    @Option(help = "use the first N evaluation rows; 0: all", byDefault = "0", min = 0)
        int maxEvalSamples,
    @Option(
            help =
                "training objective: cross_entropy, r3f, r4f, smart, freelb, r_drop, hype or sift",
            byDefault = "cross_entropy")
        String criterion,
    CriterionOptions criterionOptions,
    StrategyOptions strategies,
    @Option(
            help = "dropout after embeddings and blocks; default: the model's",
            min = 0,
            max = 1,
            belowMax = true)
        Double hiddenDropoutProb,
    @Option(
            help = "dropout of attention weights; default: the model's",
            min = 0,
            max = 1,
            belowMax = true)
        Double attentionProbsDropoutProb,
    @Option(
            help = "dropout in the head; default: the model's, of a fairseq head 0",
            min = 0,
            max = 1,
            belowMax = true)
        Double classifierDropout,
    @Option(help = "how a fresh head is drawn", byDefault = "huggingface") HeadInit headInit,
    @Option(help = "sequences per micro-batch", byDefault = "8", min = 1)
        int perDeviceTrainBatchSize,
    @Option(help = "sequences per evaluation batch", byDefault = "32", min = 1)
        int perDeviceEvalBatchSize,
    @Option(help = "most tokens per micro-batch; 0: no limit", byDefault = "0", min = 0)
        int maxTokens,
    @Option(help = "batches of similar length", byDefault = "false") boolean groupByLength,
    @Option(help = "micro-batches per update", byDefault = "1", min = 1)
        int gradientAccumulationSteps,
    @Option(help = "highest learning rate", byDefault = "5e-5", min = 0, aboveMin = true)
        double learningRate,
    @Option(help = "warm-up: updates, or a share of all if below 1", byDefault = "0", min = 0)
        double warmup,
    @Option(help = "learning rate after the warm-up", byDefault = "linear")
        Schedule.Shape lrSchedulerType,
    @Option(help = "last learning rate of the polynomial schedule", byDefault = "0", min = 0)
        double lrEnd,
    @Option(help = "exponent of the polynomial schedule", byDefault = "1", min = 0, aboveMin = true)
        double lrPower,
    @Option(help = "epochs", byDefault = "3", min = 0, aboveMin = true) double numTrainEpochs,
    @Option(help = "updates; overrides epochs; 0 or -1: by epochs", byDefault = "-1", min = -1)
        int maxSteps,
    @Option(
            help = "decay of the first moment",
            byDefault = "0.9",
            min = 0,
            max = 1,
            belowMax = true)
        double adamBeta1,
    @Option(
            help = "decay of the second moment",
            byDefault = "0.999",
            min = 0,
            max = 1,
            belowMax = true)
        double adamBeta2,
    @Option(help = "Adam's epsilon", byDefault = "1e-8", min = 0, aboveMin = true)
        double adamEpsilon,
    @Option(help = "bias correction of the moments", byDefault = "true") boolean adamBiasCorrection,
    @Option(help = "epsilon joins sqrt(v) before the correction (fairseq)", byDefault = "false")
        boolean adamEpsilonInside,
    @Option(help = "decoupled weight decay", byDefault = "0", min = 0) double weightDecay,
    @Option(help = "decay biases and LayerNorm as well (fairseq)", byDefault = "false")
        boolean weightDecayAll,
    @Option(help = "largest global gradient norm; 0: no clipping", byDefault = "1.0", min = 0)
        double maxGradNorm,
    @Option(
            help = "fp32; cuda: tf32 products, bf16 or fp16 hidden states; cpu: bf16-gemm products",
            byDefault = "fp32")
        Precision precision,
    LossScaleOptions lossScaling,
    @Option(help = "where to compute: cpu or cuda", byDefault = "cpu") String backend,
    @Option(help = "worker threads; 0: one per core", byDefault = "0", min = 0, free = true)
        int threads,
    @Option(help = "seed of everything random", byDefault = "42") long seed,
    @Option(help = "evaluate every epoch, every N steps, or only at the end", byDefault = "epoch")
        When evalStrategy,
    @Option(help = "updates between evaluations", byDefault = "500", min = 1) int evalSteps,
    @Option(help = "evaluate before the first update", byDefault = "false") boolean evalOnStart,
    @Option(
            help = "checkpoint every epoch, every N steps, or only at the end",
            byDefault = "epoch",
            free = true)
        When saveStrategy,
    @Option(help = "updates between checkpoints", byDefault = "500", min = 1, free = true)
        int saveSteps,
    @Option(
            help = "newest checkpoints to keep, besides best and last; 0: all",
            byDefault = "1",
            min = 0,
            free = true)
        int saveTotalLimit,
    @Option(help = "metric that names the best model; default: the task's")
        String metricForBestModel,
    @Option(
            help = "evaluations without a better model before stopping; 0: never",
            byDefault = "0",
            min = 0)
        int patience,
    @Option(help = "updates between log lines", byDefault = "50", min = 1) int loggingSteps,
    @Option(help = "constant predictions and a loss at class entropy", byDefault = "warn")
        OnDegenerate onDegenerate,
    @Option(help = "where everything is written", free = true) Path outputDir) {

  /** Keys of the options with other values of which a run may go on; data files go by content. */
  public static final Set<String> FREE =
      Options.describe(TrainConfig.class).stream()
          .filter(Options.Info::free)
          .map(Options.Info::key)
          .collect(Collectors.toUnmodifiableSet());

  /** Name of a task of the user's own. */
  static final String CUSTOM = "custom";

  /** When something recurs. */
  public enum When {
    NO,
    STEPS,
    EPOCH
  }

  /** What to do about a run that has stopped learning. */
  public enum OnDegenerate {
    WARN,
    STOP
  }

  public TrainConfig {
    require(model, "--model", "name a folder in Hugging Face layout, or minilm");
    require(outputDir, "--output-dir", "name a new or empty folder");
    if (dataDir == null && trainFile == null) {
      throw usage("no training data: give --data-dir or --train-file");
    }
    boolean named = task != null;
    boolean columns = textColumn != null || textPairColumn != null || labelColumn != null;
    if (named && (columns || regression)) {
      throw usage("--task names columns and kind: leave out --…-column and --regression");
    }
    if (!named && (textColumn == null || labelColumn == null || trainFile == null)) {
      throw usage("no task: give --task, or --train-file, --text-column and --label-column");
    }
    if (evalStrategy != When.NO && validationFile == null && dataDir == null) {
      throw usage("nothing to evaluate on: give --validation-file or --eval-strategy no");
    }
    if (patience > 0 && evalStrategy == When.NO) {
      throw usage("--patience needs evaluations: give --eval-strategy epoch or steps");
    }
  }

  /**
   * A configuration from JSON keys (or flags: dashes are underscores) and values; a value may be
   * text. What is absent takes its default; an unknown key or a bad value is a usage error.
   */
  public static TrainConfig of(Map<String, ?> values) {
    return Options.parse(TrainConfig.class, values);
  }

  /** JSON keys and values of every option, so that {@code of(toMap())} equals this. */
  public Map<String, Object> toMap() {
    return Options.toMap(this);
  }

  /**
   * What an earlier run, by the keys and values of its options, did otherwise; options that do not
   * change a run's numbers aside. An option that it does not name is newer than it: it had what is
   * now the default.
   */
  public List<String> differences(Map<String, ?> earlier) {
    Map<String, Object> was = Options.defaultMap(TrainConfig.class);
    was.putAll(earlier);
    Map<String, Object> is = toMap();
    List<String> differences = new ArrayList<>();
    for (Options.Info option : Options.describe(TrainConfig.class)) {
      String before = Objects.toString(was.get(option.key()), "none");
      String now = Objects.toString(is.get(option.key()), "none");
      if (!option.free() && !before.equals(now)) {
        differences.add(option.flag() + " was " + before + ", is " + now);
      }
    }
    return differences;
  }

  /**
   * The file that a split is read from: the one that is named, or the task's in the data folder;
   * null if the run reads none. Throws (kind DATA) if the folder does not have it.
   */
  public Path file(Split split) {
    Path named =
        switch (split) {
          case TRAIN -> trainFile;
          case DEV -> validationFile;
          case TEST -> testFile;
        };
    if (named != null || dataDir == null || split == Split.TEST) {
      return named;
    }
    return Tasks.file(task == null ? CUSTOM : Tasks.named(task).name(), dataDir, split);
  }

  private static void require(Object value, String flag, String remedy) {
    if (value == null) {
      throw usage(flag + " is missing: " + remedy);
    }
  }

  private static HoldfastException usage(String message) {
    return new HoldfastException(HoldfastException.Kind.USAGE, message);
  }
}
