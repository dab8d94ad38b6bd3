package io.holdfast.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * A process that stops and saves when its standard input ends: because it is told to, or because
 * this process is gone. Knows the JDK alone, as Spark's executors have none of our libraries.
 */
final class Child {

  /**
   * @param event the last line that is a JSON object; empty if there was none
   * @param said the last other line; empty if there was none
   */
  record Ended(int exitCode, String event, String said) {}

  private static final long POLL_MILLIS = 100;

  private final Consumer<String> events;
  private String event = "";
  private String said = "";

  private Child(Consumer<String> events) {
    this.events = events;
  }

  /**
   * Waits for the end of the process; if interrupted, tells it to stop and does not wait.
   *
   * @param events takes every line of its standard error that is a JSON object
   * @param stop polled; true: tell it to stop
   */
  static Ended run(ProcessBuilder command, Consumer<String> events, BooleanSupplier stop)
      throws IOException, InterruptedException {
    Process process = command.redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    Child child = new Child(events);
    BufferedReader lines = process.errorReader(StandardCharsets.UTF_8);
    Thread listener = new Thread(() -> child.listen(lines), "listener");
    listener.start();
    try {
      while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        if (stop.getAsBoolean()) {
          process.getOutputStream().close();
        }
      }
    } finally {
      process.getOutputStream().close();
    }
    listener.join();
    return new Ended(process.exitValue(), child.event, child.said);
  }

  private void listen(BufferedReader lines) {
    try (lines) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("{")) {
          event = line;
          events.accept(line);
        } else {
          said = line;
        }
      }
    } catch (IOException e) {
      said = "its output cannot be read: " + e.getMessage();
    }
  }
}
