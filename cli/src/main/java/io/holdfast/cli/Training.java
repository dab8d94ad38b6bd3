package io.holdfast.cli;

import io.holdfast.engine.train.Outcome;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.engine.train.TrainJob;
import java.io.InputStream;

/** Runs a job with progress on stderr, a log file, and signals that save. */
public final class Training {

  /** Stopped by a signal with a checkpoint saved: EX_TEMPFAIL, run it again. */
  public static final int STOPPED = 75;

  private Training() {}

  public static Outcome run(TrainConfig config, LogFormat format) {
    return run(config, format, null);
  }

  /**
   * @param supervisor its end counts as a signal; null: there is none
   */
  static Outcome run(TrainConfig config, LogFormat format, InputStream supervisor) {
    try (Signals signals = Signals.install(supervisor);
        Progress progress =
            new Progress(
                format,
                config.loggingSteps(),
                config.outputDir().resolve("train.log"),
                signals::canSave)) {
      return TrainJob.run(config, progress, signals.stop());
    }
  }
}
