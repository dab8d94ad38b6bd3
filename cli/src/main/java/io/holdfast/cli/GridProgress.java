package io.holdfast.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.compare.Grid;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.compare.Trial;
import io.holdfast.engine.run.Json;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Shows a grid on stderr: a line a run that ends, and on a terminal one of those that go on. */
final class GridProgress implements Grid.Listener {

  private static final long REFRESH_NANOS = 250_000_000;

  /** Longest line of a terminal: one that is wrapped could not be drawn over. */
  private static final int WIDTH = 79;

  private final List<Trial> trials;
  private int atOnce;
  private final LogFormat format;
  private final Logger log = LoggerFactory.getLogger(Logs.RUN);
  private final Map<String, Running> running = new LinkedHashMap<>();

  /** Seconds of runs that have ended, by run; NaN of one that failed. */
  private final Map<String, Double> ended = new LinkedHashMap<>();

  private long shown;

  private static final class Running {
    final long start = System.nanoTime();
    double firstShare = Double.NaN;
    double share;

    double seconds() {
      return (System.nanoTime() - start) * 1e-9;
    }
  }

  /**
   * @param atOnce runs at a time, for the time left; grows if there are more
   */
  GridProgress(List<Trial> trials, int atOnce, LogFormat format) {
    this.trials = trials;
    this.atOnce = atOnce;
    boolean terminal = format == LogFormat.AUTO && Logs.onTerminal();
    this.format = format == LogFormat.AUTO && !terminal ? LogFormat.PLAIN : format;
    if (format == LogFormat.JSON || format == LogFormat.NONE) {
      Logs.hideRunLines();
    }
  }

  @Override
  public synchronized void known(Trial trial, RunResult result) {
    ended.put(trial.name(), result.seconds());
  }

  @Override
  public synchronized void started(Trial trial) {
    running.put(trial.name(), new Running());
    refresh();
  }

  /** The share 0 says that the run begins only now. */
  @Override
  public synchronized void progress(Trial trial, double share) {
    Running run =
        running.computeIfPresent(trial.name(), (name, r) -> share == 0 ? new Running() : r);
    if (run == null) {
      return; // it has ended, and this comes late
    }
    run.firstShare = Double.isNaN(run.firstShare) ? share : run.firstShare;
    run.share = share;
    long begun = running.values().stream().filter(r -> !Double.isNaN(r.firstShare)).count();
    atOnce = Math.max(atOnce, (int) begun);
    if (System.nanoTime() - shown > REFRESH_NANOS) {
      refresh();
    }
  }

  @Override
  public synchronized void finished(Trial trial, RunResult result) {
    Running run = running.remove(trial.name());
    ended.put(trial.name(), Math.max(result.seconds(), run.seconds()));
    log.info(
        String.format(
            Locale.ROOT,
            "%d/%d  %s: %s %.4f (%s), %.1f s; ETA %s",
            ended.size(),
            trials.size(),
            trial.name(),
            result.metric(),
            result.score(),
            result.status(),
            run.seconds(),
            eta()));
    json(trial, result);
    refresh();
  }

  @Override
  public synchronized void failed(Grid.Failure failure) {
    running.remove(failure.trial().name());
    ended.put(failure.trial().name(), Double.NaN);
    LoggerFactory.getLogger(Logs.ERRORS)
        .error(
            "{}: no result (exit {}): {}",
            failure.trial().name(),
            failure.exitCode(),
            failure.message());
    refresh();
  }

  private void json(Trial trial, RunResult result) {
    if (format == LogFormat.JSON) {
      ObjectNode line = Json.object().put("event", "run").put("run", trial.name());
      line.put("done", ended.size()).put("total", trials.size());
      line.put("status", result.status()).put("score", result.score());
      secondsLeft().ifPresent(seconds -> line.put("remaining_seconds", Math.round(seconds)));
      System.err.println(Json.line(line));
    }
  }

  private void refresh() {
    shown = System.nanoTime();
    if (format == LogFormat.AUTO) {
      String now =
          running.entrySet().stream()
              .map(e -> "%s %.0f %%".formatted(e.getKey(), 100 * e.getValue().share))
              .collect(Collectors.joining(", "));
      String line = "%d/%d  ETA %s  %s".formatted(ended.size(), trials.size(), eta(), now);
      System.err.print("\r\u001b[K" + line.substring(0, Math.min(WIDTH, line.length())));
    }
  }

  /** Ends the line of a terminal. */
  void close() {
    if (format == LogFormat.AUTO) {
      System.err.print("\r\u001b[K");
    }
  }

  private String eta() {
    OptionalDouble seconds = secondsLeft();
    return seconds.isEmpty()
        ? "-"
        : Progress.clock(Duration.ofSeconds(Math.round(seconds.getAsDouble())));
  }

  /**
   * A run takes as long as others of its setting did, or, before there are any, as the mean of
   * those that are known; one that is under way counts by what it has done.
   */
  private OptionalDouble secondsLeft() {
    Map<String, Double> bySetting = new LinkedHashMap<>();
    Map<String, Double> all = new LinkedHashMap<>(ended);
    running.forEach(
        (name, run) -> {
          double done = run.share - run.firstShare;
          if (done > 0) {
            all.put(name, run.seconds() / done);
          }
        });
    all.values().removeIf(seconds -> seconds.isNaN());
    if (all.isEmpty()) {
      return OptionalDouble.empty();
    }
    all.forEach((name, seconds) -> bySetting.put(setting(name), seconds));
    double mean = all.values().stream().mapToDouble(v -> v).average().orElseThrow();
    double left = 0;
    for (Trial trial : trials) {
      String name = trial.name();
      if (!ended.containsKey(name)) {
        double share = running.containsKey(name) ? running.get(name).share : 0;
        left += (1 - share) * bySetting.getOrDefault(setting(name), mean);
      }
    }
    int open = trials.size() - ended.size();
    return OptionalDouble.of(left / Math.max(1, Math.min(atOnce, open)));
  }

  /** The name without the seed. */
  private static String setting(String run) {
    return run.substring(0, run.lastIndexOf('-'));
  }
}
