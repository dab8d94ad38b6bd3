package io.holdfast.cli;

import io.holdfast.engine.train.Machine;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

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

  /** This machine, with this very Java and its settings. */
  final class Here implements Place {

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
      List<String> command = new ArrayList<>(java());
      command.addAll(arguments);
      return Child.run(new ProcessBuilder(command), events, stop);
    }

    /** Without debuggers, agents and the terminal. */
    private static List<String> java() {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
          .filter(a -> !a.matches("-(agent|javaagent|Xrun|Xdebug|Dholdfast.terminal).*"))
          .forEach(command::add);
      command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
      return command;
    }
  }
}
