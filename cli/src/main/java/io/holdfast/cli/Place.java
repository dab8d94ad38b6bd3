package io.holdfast.cli;

import io.holdfast.engine.train.Machine;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Where the processes of a grid's runs are. */
interface Place {

  /** Runs that are handed over at a time unless the command line says how many. */
  int workers();

  /** Threads of a run unless the command line says how many. */
  int threads(int workers);

  /**
   * Runs {@code holdfast} to its end, or until it has stopped.
   *
   * @param begins called when it starts, if it may have waited for that
   * @param events takes what it tells, as JSON objects, where that can be heard
   * @throws io.holdfast.engine.compare.TrialRunner.TrialFailure if it could not be run
   */
  Child.Ended run(
      List<String> arguments, Runnable begins, Consumer<String> events, BooleanSupplier stop)
      throws IOException, InterruptedException;

  /** This machine, with this very Java, its settings and its class path as it was at the start. */
  final class Here implements Place {

    private final String classPath;
    private final List<String> files;

    Here(String classPath) {
      this.classPath = classPath;
      this.files = files();
    }

    @Override
    public int workers() {
      return 1;
    }

    @Override
    public int threads(int workers) {
      return Math.max(1, Machine.cores() / workers);
    }

    @Override
    public Child.Ended run(
        List<String> arguments, Runnable begins, Consumer<String> events, BooleanSupplier stop)
        throws IOException, InterruptedException {
      if (!files.equals(files())) {
        throw new Rebuilt();
      }
      List<String> command = new ArrayList<>(java());
      command.addAll(arguments);
      return Child.run(new ProcessBuilder(command), events, stop);
    }

    /** Without debuggers, agents and the terminal. */
    private List<String> java() {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
          .filter(a -> !a.matches("-(agent|javaagent|Xrun|Xdebug|Dholdfast.terminal).*"))
          .forEach(command::add);
      command.addAll(List.of("-cp", classPath, Main.class.getName()));
      return command;
    }

    /** Size and time of every file of the class path; folders change as they like. */
    private List<String> files() {
      return Stream.of(classPath.split(File.pathSeparator))
          .map(File::new)
          .filter(file -> !file.isDirectory())
          .map(file -> file + " " + file.length() + " " + file.lastModified())
          .toList();
    }
  }

  /** The program is not the one that began. */
  final class Rebuilt extends RuntimeException {}
}
