package io.holdfast.engine.train;

/** A training run from files to files: what the command {@code train} does. */
public final class TrainJob {

  private TrainJob() {}

  /**
   * Opens model and data, trains (or resumes what the output folder holds) and writes the best
   * model and the reports. Failures a user can act on are {@link
   * io.holdfast.kernels.HoldfastException}s.
   */
  public static Outcome run(TrainConfig config, ProgressListener listener, StopSignal stop) {
    throw new UnsupportedOperationException();
  }
}
