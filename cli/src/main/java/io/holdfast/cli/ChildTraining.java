package io.holdfast.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.compare.Trial;
import io.holdfast.engine.compare.TrialRunner;
import io.holdfast.engine.run.Json;
import io.holdfast.engine.train.StopSignal;
import io.holdfast.kernels.HoldfastException.Kind;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleConsumer;
import org.slf4j.LoggerFactory;

/**
 * Runs a trial as a {@link GridRun} in a process of its own, so that nothing a run does can end the
 * grid.
 */
final class ChildTraining implements TrialRunner {

  private final Place place;
  private final Keep keep;

  /** What one run has warned of is not said again of others. */
  private final Set<String> warned = ConcurrentHashMap.newKeySet();

  ChildTraining(Place place, Keep keep) {
    this.place = place;
    this.keep = keep;
  }

  @Override
  public RunResult run(Trial trial, DoubleConsumer progress, StopSignal stop) {
    try {
      Child.Ended child =
          place.run(
              arguments(trial),
              () -> progress.accept(0),
              line -> hear(trial, line, progress),
              stop::isRequested);
      JsonNode last = event(child.event());
      if (last.path("event").asText().equals(GridRun.RESULT)) {
        return Json.as(RunResult.class, last.path(GridRun.RESULT));
      } else if (!stop.isRequested()) {
        String message = child.said().replaceFirst("^holdfast train: ", "");
        throw new TrialFailure(child.exitCode(), message.isEmpty() ? "the process died" : message);
      }
      return null;
    } catch (IOException e) {
      throw new TrialFailure(Kind.IO.exitCode(), "cannot start a process: " + AtomicFile.reason(e));
    } catch (InterruptedException e) {
      stop.request();
      return null;
    } catch (Place.Rebuilt e) {
      if (!stop.isRequested()) {
        LoggerFactory.getLogger(Logs.ERRORS)
            .error(
                "Holdfast was built anew while this grid ran: stopping; the same command goes on with it");
      }
      stop.request();
      return null;
    }
  }

  private List<String> arguments(Trial trial) {
    List<String> arguments = new ArrayList<>(List.of("train", "--grid-run=" + keep));
    trial
        .options()
        .forEach((key, value) -> arguments.add("--" + key.replace('_', '-') + "=" + value));
    return arguments;
  }

  private void hear(Trial trial, String line, DoubleConsumer progress) {
    JsonNode event = event(line);
    switch (event.path("event").asText()) {
      case "step" ->
          progress.accept(event.path("step").asDouble() / event.path("total_steps").asDouble());
      case "warning" -> {
        String text = event.path("text").asText();
        if (warned.add(text)) {
          LoggerFactory.getLogger(Logs.ERRORS).warn("{}: {}", trial.name(), text);
        }
      }
      case GridRun.WAITING ->
          LoggerFactory.getLogger(Logs.RUN)
              .info("{}: waiting for another process to leave the folder", trial.name());
      default -> {}
    }
  }

  /** An empty object for what is none: a line that a killed process did not end. */
  private static JsonNode event(String line) {
    try {
      return Json.parse(line);
    } catch (IllegalArgumentException e) {
      return Json.object();
    }
  }
}
