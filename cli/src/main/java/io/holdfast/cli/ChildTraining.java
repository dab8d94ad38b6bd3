package io.holdfast.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.holdfast.engine.compare.RunReader;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.compare.Trial;
import io.holdfast.engine.compare.TrialRunner;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.engine.train.StopSignal;
import io.holdfast.kernels.HoldfastException.Kind;
import io.holdfast.model.files.AtomicFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;
import org.slf4j.LoggerFactory;

/**
 * Runs a trial as {@code holdfast train} in a process of its own, so that nothing a run does can
 * end the grid. The child stops and saves when its standard input ends: because it is told to, or
 * because this process is gone.
 */
final class ChildTraining implements TrialRunner {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Set<Integer> HAS_RESULT =
      Set.of(0, Kind.DIVERGED.exitCode(), Kind.DEGENERATE.exitCode());
  private static final long POLL_MILLIS = 100;

  private final Keep keep;

  ChildTraining(Keep keep) {
    this.keep = keep;
  }

  @Override
  public RunResult run(Trial trial, DoubleConsumer progress, StopSignal stop) {
    Path folder = trial.config().outputDir();
    try {
      awaitOthers(trial, stop);
      RunResult result = result(trial);
      if (result == null && !stop.isRequested()) {
        int exitCode = train(trial, progress, stop);
        result = HAS_RESULT.contains(exitCode) ? result(trial) : null;
        if (result != null) {
          keep.clean(folder);
        } else if (!stop.isRequested()) {
          throw new TrialFailure(exitCode, "ended without a result");
        }
      }
      return result;
    } catch (IOException e) {
      throw new TrialFailure(Kind.IO.exitCode(), "cannot start a process: " + AtomicFile.reason(e));
    } catch (InterruptedException e) {
      stop.request();
      return null;
    }
  }

  /** What the folder holds of this very run, if it has ended; null otherwise. */
  private static RunResult result(Trial trial) {
    RunResult result = RunReader.read(trial.config().outputDir());
    if (result != null) {
      trial.requireSame(result);
    }
    return result;
  }

  /** A run may still be saved by a process of a grid that was killed. */
  private static void awaitOthers(Trial trial, StopSignal stop) throws InterruptedException {
    boolean said = false;
    while (RunFolder.isInUse(trial.config().outputDir()) && !stop.isRequested()) {
      if (!said) {
        LoggerFactory.getLogger(Logs.RUN)
            .info("{}: waiting for another process to leave the folder", trial.name());
      }
      said = true;
      Thread.sleep(POLL_MILLIS);
    }
  }

  /** Returns the exit code; throws with what the child said last if there is no result. */
  private static int train(Trial trial, DoubleConsumer progress, StopSignal stop)
      throws IOException, InterruptedException {
    Process child =
        new ProcessBuilder(command(trial)).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    StringBuffer said = new StringBuffer();
    Thread listener = new Thread(() -> listen(child.errorReader(), progress, said));
    listener.start();
    try {
      while (!child.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        if (stop.isRequested()) {
          child.getOutputStream().close();
        }
      }
    } finally {
      child.getOutputStream().close();
    }
    listener.join();
    int exitCode = child.exitValue();
    if (!HAS_RESULT.contains(exitCode) && !stop.isRequested()) {
      String message = said.toString().replaceFirst("^holdfast train: ", "");
      throw new TrialFailure(exitCode, message.isEmpty() ? "the process died" : message);
    }
    return exitCode;
  }

  /** Until the child ends: its steps are progress, the last line that is no event is kept. */
  private static void listen(BufferedReader lines, DoubleConsumer progress, StringBuffer said) {
    try (lines) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode event = event(line);
        if (event == null) {
          said.setLength(0);
          said.append(line);
        } else if (event.path("event").asText().equals("step")) {
          progress.accept(event.path("step").asDouble() / event.path("total_steps").asDouble());
        }
      }
    } catch (IOException e) {
      said.append("its output cannot be read: ").append(AtomicFile.reason(e));
    }
  }

  private static JsonNode event(String line) {
    try {
      return line.startsWith("{") ? JSON.readTree(line) : null;
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  /** This very Java with the same settings, but for debuggers, agents and the terminal. */
  private static List<String> command(Trial trial) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(
            argument -> !argument.matches("-(agent|javaagent|Xrun|Xdebug|Dholdfast.terminal).*"))
        .forEach(command::add);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of("train", "--supervised", "--log-format", "json"));
    trial
        .options()
        .forEach((key, value) -> command.add("--" + key.replace('_', '-') + "=" + value));
    return command;
  }
}
