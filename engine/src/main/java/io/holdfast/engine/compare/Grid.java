package io.holdfast.engine.compare;

import io.holdfast.engine.run.FolderLock;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.engine.train.StopSignal;
import io.holdfast.kernels.HoldfastException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Runs trials, several at a time, and keeps a {@link Ledger} of their results. A trial of the
 * ledger is not run again, and every other is: so a grid that was stopped or killed goes on where
 * it was.
 */
public final class Grid {

  /** What a grid tells while it goes on, from the threads that run it. */
  public interface Listener {
    /** A result of the ledger. */
    default void known(Trial trial, RunResult result) {}

    default void started(Trial trial) {}

    /**
     * @param share of the trial that is done
     */
    default void progress(Trial trial, double share) {}

    default void finished(Trial trial, RunResult result) {}

    default void failed(Failure failure) {}
  }

  /** A trial without a result. */
  public record Failure(Trial trial, int exitCode, String message) {}

  /**
   * @param results in the order of the trials
   * @param stopped some were not run to their end because of a stop
   */
  public record Report(List<RunResult> results, List<Failure> failures, boolean stopped) {}

  private static final int INTERNAL = 1;
  public static final String LOCK = "grid.lock";

  private final List<Trial> trials;
  private final TrialRunner runner;
  private final Listener listener;
  private final StopSignal stop;
  private final Map<String, RunResult> results = new LinkedHashMap<>();
  private final List<Failure> failures = new ArrayList<>();

  /**
   * @param trials of different names
   */
  public Grid(List<Trial> trials, TrialRunner runner, Listener listener, StopSignal stop) {
    this.trials = trials;
    this.runner = runner;
    this.listener = listener;
    this.stop = stop;
  }

  /**
   * Runs what the folder's ledger does not have yet. Throws (kind USAGE) if another process runs a
   * grid there, or if the ledger has a trial with other options.
   */
  public Report run(Path folder, int workers) {
    requireOurs(folder);
    try (FolderLock lock = FolderLock.take(folder, LOCK);
        Ledger ledger = new Ledger(folder.resolve(Ledger.NAME))) {
      Map<String, RunResult> known = new LinkedHashMap<>();
      Ledger.read(folder.resolve(Ledger.NAME)).forEach(r -> known.put(r.run(), r));
      Queue<Trial> pending = new ConcurrentLinkedQueue<>();
      for (Trial trial : trials) {
        RunResult result = known.get(trial.name());
        if (result == null) {
          pending.add(trial);
        } else {
          trial.requireSame(result);
          results.put(trial.name(), result);
          listener.known(trial, result);
        }
      }
      work(pending, workers, ledger);
      ledger.order(trials.stream().map(Trial::name).toList());
    }
    List<RunResult> ordered =
        trials.stream().map(trial -> results.get(trial.name())).filter(Objects::nonNull).toList();
    boolean stopped = ordered.size() + failures.size() < trials.size();
    return new Report(ordered, List.copyOf(failures), stopped);
  }

  /** A folder is ours if it is new or empty, or has a ledger or a run in it. */
  private static void requireOurs(Path folder) {
    if (!RunFolder.mayHoldRuns(folder, Ledger.NAME, LOCK)) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "--output-dir "
              + folder
              + " is not empty and holds no runs of Holdfast: name a new or empty folder");
    }
  }

  private void work(Queue<Trial> pending, int workers, Ledger ledger) {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < workers; i++) {
      Thread thread = new Thread(() -> work(pending, ledger), "trial-" + i);
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      boolean running = true;
      while (running) {
        try {
          thread.join();
          running = false;
        } catch (InterruptedException e) {
          stop.request();
        }
      }
    }
  }

  private void work(Queue<Trial> pending, Ledger ledger) {
    for (Trial trial = pending.poll();
        trial != null && !stop.isRequested();
        trial = pending.poll()) {
      listener.started(trial);
      try {
        Trial running = trial;
        RunResult result = runner.run(trial, share -> listener.progress(running, share), stop);
        if (result != null) {
          ledger.append(result);
          synchronized (this) {
            results.put(trial.name(), result);
          }
          listener.finished(trial, result);
        }
      } catch (TrialRunner.TrialFailure e) {
        fail(new Failure(trial, e.exitCode(), e.getMessage()));
      } catch (HoldfastException e) {
        fail(new Failure(trial, e.kind().exitCode(), e.getMessage()));
      } catch (RuntimeException | Error e) {
        fail(new Failure(trial, INTERNAL, e.toString()));
      }
    }
  }

  private void fail(Failure failure) {
    synchronized (this) {
      failures.add(failure);
    }
    listener.failed(failure);
  }
}
