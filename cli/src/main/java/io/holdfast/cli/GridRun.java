package io.holdfast.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.compare.RunReader;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.compare.Trial;
import io.holdfast.engine.run.Json;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.engine.train.Outcome;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.kernels.HoldfastException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/**
 * A run of a grid in its own process. It stops when its standard input ends, is trained once
 * however often it is started, and tells its result as the last event on standard error.
 */
final class GridRun {

  static final String RESULT = "result";
  static final String WAITING = "waiting";

  private static final long POLL_MILLIS = 100;

  private final Path folder;
  private final Trial trial;

  private GridRun(TrainConfig config) {
    folder = config.outputDir();
    trial = new Trial(folder.getFileName().toString(), Map.of(), config);
  }

  /** Returns the exit code: 0 if there is a result, be it that of a run that diverged. */
  static int run(TrainConfig config, Keep keep) {
    GridRun run = new GridRun(config);
    try (Signals signals = Signals.install(System.in)) {
      run.awaitOthers();
      if (run.result() == null && run.train(config, signals) == Outcome.Status.STOPPED) {
        return Training.STOPPED;
      }
      keep.clean(run.folder);
    }
    tell(Json.object().put("event", RESULT).set(RESULT, Json.tree(run.result())));
    return 0;
  }

  /** Failures that are results are no failures of a grid's run. */
  private Outcome.Status train(TrainConfig config, Signals signals) {
    try {
      return Training.run(config, LogFormat.JSON, signals).status();
    } catch (HoldfastException e) {
      if (result() == null) {
        throw e;
      }
      Logs.toFileOnly("failed", e);
      return Outcome.Status.COMPLETED;
    }
  }

  /** A process of a grid that was killed may still be saving this run. */
  private void awaitOthers() {
    boolean told = false;
    while (RunFolder.isInUse(folder)) {
      if (!told) {
        tell(Json.object().put("event", WAITING));
      }
      told = true;
      try {
        Thread.sleep(POLL_MILLIS);
      } catch (InterruptedException e) {
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  /** What the folder holds of this very run, if it has ended; null otherwise. */
  private RunResult result() {
    RunResult result = RunReader.read(folder);
    if (result != null) {
      trial.requireSame(result);
    }
    return result;
  }

  private static void tell(ObjectNode event) {
    System.err.writeBytes((Json.line(event) + "\n").getBytes(StandardCharsets.UTF_8));
  }
}
