package io.holdfast.cli;

import io.holdfast.engine.train.Predictor;
import io.holdfast.engine.train.ProgressListener;
import io.holdfast.kernels.Precision;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** How a trained model is run. */
final class InferenceOptions {

  /** Warnings on stderr; nothing else is said. */
  static final ProgressListener WARNINGS =
      new ProgressListener() {
        @Override
        public void warning(String line) {
          LoggerFactory.getLogger(Logs.ERRORS).warn(line);
        }
      };

  private static final Predictor.Settings DEFAULTS = Predictor.Settings.defaults();

  @Option(
      names = "--max-seq-length",
      paramLabel = "<integer>",
      description = "longest input in tokens, longer ones are cut; >= 3; default: that of training")
  private Integer maxSeqLength;

  @Option(
      names = "--per-device-eval-batch-size",
      paramLabel = "<integer>",
      description = "sequences per batch; >= 1; default ${DEFAULT-VALUE}")
  private int batchSize = DEFAULTS.batchSize();

  @Option(
      names = "--threads",
      paramLabel = "<integer>",
      description = "worker threads; >= 0; default ${DEFAULT-VALUE}: one per core")
  private int threads = DEFAULTS.threads();

  @Option(
      names = "--precision",
      paramLabel = "fp32|tf32|bf16|fp16|bf16-gemm",
      converter = PrecisionConverter.class,
      description = "fp32; cuda: tf32, bf16, fp16; cpu: bf16-gemm; default ${DEFAULT-VALUE}")
  private Precision precision = DEFAULTS.precision();

  @Option(
      names = "--backend",
      paramLabel = "cpu|cuda",
      description = "where to compute; default ${DEFAULT-VALUE}")
  private String backend = DEFAULTS.backend();

  Predictor.Settings settings() {
    int longest = maxSeqLength == null ? DEFAULTS.maxSeqLength() : maxSeqLength;
    if (maxSeqLength != null) {
      Main.atLeast("--max-seq-length", maxSeqLength, 3);
    }
    Main.atLeast("--per-device-eval-batch-size", batchSize, 1);
    Main.atLeast("--threads", threads, 0);
    return new Predictor.Settings(backend, threads, precision, longest, batchSize);
  }
}
