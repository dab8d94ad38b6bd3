package io.holdfast.cli;

import io.holdfast.engine.train.Predictor;
import io.holdfast.engine.train.ProgressListener;
import io.holdfast.kernels.Precision;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** What opening a trained model takes. */
final class ModelOptions {

  private static final Predictor.Settings DEFAULTS = Predictor.Settings.defaults();

  @Option(
      names = "--model",
      paramLabel = "<path>",
      description = "a trained model: a folder in Hugging Face layout")
  String model;

  @Option(
      names = "--max-seq-length",
      paramLabel = "<integer>",
      description = "longest input in tokens, longer ones are cut; >= 3; default: that of training")
  Integer maxSeqLength;

  @Option(
      names = "--per-device-eval-batch-size",
      paramLabel = "<integer>",
      description = "sequences per batch; >= 1; default ${DEFAULT-VALUE}")
  int batchSize = DEFAULTS.batchSize();

  @Option(
      names = "--threads",
      paramLabel = "<integer>",
      description = "worker threads; >= 0; default ${DEFAULT-VALUE}: one per core")
  int threads = DEFAULTS.threads();

  @Option(
      names = "--precision",
      paramLabel = "fp32|bf16-gemm",
      converter = PrecisionConverter.class,
      description = "matrix products; default ${DEFAULT-VALUE}")
  Precision precision = DEFAULTS.precision();

  @Option(
      names = "--backend",
      paramLabel = "<text>",
      description = "where to compute; default ${DEFAULT-VALUE}")
  String backend = DEFAULTS.backend();

  @Option(names = "--json", description = "print JSON on stdout")
  boolean json;

  Predictor open() {
    if (model == null) {
      throw Main.usage("--model is missing: name the folder of a trained model");
    }
    int longest = maxSeqLength == null ? DEFAULTS.maxSeqLength() : maxSeqLength;
    if (maxSeqLength != null) {
      atLeast("--max-seq-length", maxSeqLength, 3);
    }
    atLeast("--per-device-eval-batch-size", batchSize, 1);
    atLeast("--threads", threads, 0);
    ProgressListener warnings =
        new ProgressListener() {
          @Override
          public void warning(String line) {
            LoggerFactory.getLogger(Logs.ERRORS).warn(line);
          }
        };
    return Predictor.open(
        model, new Predictor.Settings(backend, threads, precision, longest, batchSize), warnings);
  }

  private static void atLeast(String flag, int value, int min) {
    if (value < min) {
      throw Main.usage(flag + " is " + value + ": use an integer >= " + min);
    }
  }
}
