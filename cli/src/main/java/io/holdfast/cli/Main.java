package io.holdfast.cli;

import io.holdfast.cli.demo.DemoCommand;
import io.holdfast.engine.run.Versions;
import io.holdfast.kernels.HoldfastException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.function.BiFunction;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The command line: parses, calls the engine, prints, and turns failures into exit codes. */
@Command(
    name = "holdfast",
    description =
        "Fine-tunes pretrained Transformer encoders so that they hold on to what they knew.",
    subcommands = {
      DemoCommand.class,
      TrainCommand.class,
      EvalCommand.class,
      PredictCommand.class,
      AverageCommand.class,
      CompareCommand.class,
      SweepCommand.class,
      ReportCommand.class,
      DoctorCommand.class
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nExit codes:%n",
    footer = {
      "  0 done · 1 internal error · 2 usage · 3 bad data · 4 bad model or checkpoint · 5 out of memory",
      "  6 diverged · 7 input/output, disk full · 8 backend not available · 9 degenerate run stopped",
      "  75 stopped by a signal and saved: the same command resumes · 130, 143 stopped, nothing saved"
    })
public final class Main implements Runnable {

  @CommandLine.Spec private CommandSpec spec;

  @CommandLine.Option(
      names = {"-v", "--verbose"},
      scope = CommandLine.ScopeType.INHERIT,
      description = "print the stack trace of a failure on stderr")
  private boolean verbose;

  private final Place place;

  private Main(Place place) {
    this.place = place;
  }

  public static void main(String[] args) throws Exception {
    boolean submitted = System.getProperty("spark.master") != null;
    System.exit(submitted ? SparkMain.run(args) : run(args));
  }

  /** As {@link #run}, with the runs of grids on a cluster; see {@link SparkPlace}. */
  public static int onSpark(
      BiFunction<List<String>, Runnable, Future<List<String>>> cluster, String[] args) {
    return run(new SparkPlace(cluster), args);
  }

  /** Runs one command and returns its exit code. */
  static int run(String... args) {
    return run(new Place.Here(System.getProperty("java.class.path")), args);
  }

  static int run(Place place, String... args) {
    Locale.setDefault(Locale.ROOT);
    Logs.start();
    CommandLine line = commandLine(place);
    try {
      int exitCode = line.execute(withOurNames(line, args));
      return exitCode == 0 && System.out.checkError() ? Failures.onOutput() : exitCode;
    } catch (OutOfMemoryError | LinkageError e) {
      return Failures.onExecution(e, line);
    }
  }

  static CommandLine commandLine(Place place) {
    CommandLine line = new CommandLine(new Main(place));
    for (String name : List.of("train", "compare", "sweep")) {
      TrainFlags.addTo(line.getSubcommands().get(name).getCommandSpec());
    }
    line.setParameterExceptionHandler(Failures::onUsage);
    line.setExecutionExceptionHandler((e, command, result) -> Failures.onExecution(e, command));
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setExpandAtFiles(false); // a text may begin with @
    line.setUsageHelpWidth(110);
    line.setUsageHelpLongOptionsMaxWidth(36);
    for (CommandLine command : line.getSubcommands().values()) {
      command.setUsageHelpLongOptionsMaxWidth(36);
      command.getCommandSpec().versionProvider(new Version());
    }
    return line;
  }

  /**
   * Known flags may be written with underscores (--learning_rate) or as other trainers call them.
   */
  static String[] withOurNames(CommandLine line, String[] args) {
    Map<String, OptionSpec> known = new HashMap<>();
    line.getSubcommands().values().stream()
        .flatMap(command -> command.getCommandSpec().options().stream())
        .forEach(option -> List.of(option.names()).forEach(name -> known.put(name, option)));
    List<String> ours = new ArrayList<>();
    boolean isValue = false;
    for (String arg : args) {
      int end = arg.indexOf('=') < 0 ? arg.length() : arg.indexOf('=');
      String name = TrainFlags.canonical(arg.substring(0, end).replace('_', '-'));
      OptionSpec option = isValue ? null : known.get(name);
      ours.add(option == null ? arg : name + arg.substring(end));
      isValue = option != null && end == arg.length() && option.arity().min() > 0;
    }
    return ours.toArray(String[]::new);
  }

  boolean isVerbose() {
    return verbose;
  }

  /** Where the runs of a grid are trained. */
  Place place() {
    return place;
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(),
        "no command: use demo, train, eval, predict, average, compare, sweep, report or doctor");
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      List<String> lines = new ArrayList<>(List.of("holdfast " + Versions.holdfast()));
      Versions.libraries().forEach((name, version) -> lines.add(name + " " + version));
      return lines.toArray(String[]::new);
    }
  }

  /** Throws (kind USAGE) for a value of a flag below its least. */
  public static void atLeast(String flag, int value, int least) {
    if (value < least) {
      throw usage(flag + " is " + value + ": use an integer >= " + least);
    }
  }

  public static HoldfastException usage(String message) {
    return new HoldfastException(HoldfastException.Kind.USAGE, message);
  }
}
