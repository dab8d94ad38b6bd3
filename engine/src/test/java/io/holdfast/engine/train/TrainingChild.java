package io.holdfast.engine.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A training run in a process of its own, to be killed or measured. Arguments: milliseconds to
 * sleep after each update, then keys and values of options. Prints its resident memory at two
 * updates.
 */
final class TrainingChild {

  static final String RSS = "resident bytes ";

  private TrainingChild() {}

  static Process start(List<String> jvm, int sleep, Map<String, String> options, Path log)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvm);
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.add(TrainingChild.class.getName());
    command.add(String.valueOf(sleep));
    options.forEach((key, value) -> command.addAll(List.of(key, value)));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .start();
  }

  public static void main(String[] args) {
    int sleep = Integer.parseInt(args[0]);
    Map<String, String> options = new LinkedHashMap<>();
    for (int i = 1; i < args.length; i += 2) {
      options.put(args[i], args[i + 1]);
    }
    ProgressListener listener =
        new ProgressListener() {
          @Override
          public void step(Step step) {
            if (step.step() == MemoryTest.FROM || step.step() == MemoryTest.TO) {
              System.out.println(RSS + resident());
            }
            try {
              Thread.sleep(sleep); // so that a kill falls into the run and not behind it
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }
        };
    TrainJob.run(TrainConfig.of(options), listener, new StopSignal());
  }

  private static long resident() {
    Path status = Path.of("/proc/self/status");
    try {
      for (String line : Files.exists(status) ? Files.readAllLines(status) : List.<String>of()) {
        if (line.startsWith("VmRSS:")) {
          return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
        }
      }
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
