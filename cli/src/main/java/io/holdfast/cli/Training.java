package io.holdfast.cli;

import io.holdfast.engine.train.Outcome;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.engine.train.TrainJob;

/** Runs a job with progress on stderr, a log file, and signals that save. */
public final class Training {

  /** Stopped by a signal with a checkpoint saved: EX_TEMPFAIL, run it again. */
  public static final int STOPPED = 75;

  private Training() {}

  public static Outcome run(TrainConfig config, LogFormat format) {
    try (Signals signals = Signals.install(null)) {
      return run(config, format, signals);
    }
  }

  static Outcome run(TrainConfig config, LogFormat format, Signals signals) {
    try (Progress progress =
        new Progress(
            format,
            config.loggingSteps(),
            config.outputDir().resolve("train.log"),
            signals::canSave)) {
      return TrainJob.run(config, progress, signals.stop());
    }
  }
}
