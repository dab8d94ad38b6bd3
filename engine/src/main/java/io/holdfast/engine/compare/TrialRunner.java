package io.holdfast.engine.compare;

import io.holdfast.engine.train.StopSignal;
import java.util.function.DoubleConsumer;

/** Where a trial is run: a trial goes in, its result comes out. Called from several threads. */
public interface TrialRunner {

  /**
   * Runs a trial to its end, or goes on with one that was stopped. A run that diverges has a result
   * as well.
   *
   * @param progress takes the share that is done, now and then
   * @return null if the trial was stopped before its end, to go on another time
   * @throws TrialFailure if it has no result for a reason that may pass
   */
  RunResult run(Trial trial, DoubleConsumer progress, StopSignal stop);

  /** A trial that could not be run: the process died, memory or disk was short, … */
  final class TrialFailure extends RuntimeException {

    private final int exitCode;

    public TrialFailure(int exitCode, String message) {
      super(message);
      this.exitCode = exitCode;
    }

    public int exitCode() {
      return exitCode;
    }
  }
}
