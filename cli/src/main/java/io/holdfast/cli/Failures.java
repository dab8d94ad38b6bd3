package io.holdfast.cli;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;

/** A failure becomes one line on stderr and an exit code; the stack trace goes to a log file. */
final class Failures {

  private static final int INTERNAL = 1;

  /** Flags of other trainers that ask for what Holdfast does not do under that name. */
  private static final Map<String, String> ELSEWHERE =
      Map.of(
          "--overwrite-output-dir", "a folder is never overwritten: name a new --output-dir",
          "--fp16", "use --precision fp16, with --backend cuda",
          "--bf16", "use --precision bf16, with --backend cuda, or bf16-gemm",
          "--tf32", "use --precision tf32, with --backend cuda",
          "--resume-from-checkpoint", "the same command with the same --output-dir resumes",
          "--no-cuda", "use --backend cpu, the default");

  private Failures() {}

  static int onUsage(CommandLine.ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    say(name + ": " + message(e) + " (" + name + " --help lists all)");
    return HoldfastException.Kind.USAGE.exitCode();
  }

  private static String message(CommandLine.ParameterException e) {
    if (e instanceof CommandLine.UnmatchedArgumentException unmatched) {
      String argument = unmatched.getUnmatched().get(0);
      String flag = argument.split("=", 2)[0].replace('_', '-');
      if (ELSEWHERE.containsKey(flag)) {
        return flag + ": " + ELSEWHERE.get(flag);
      }
      if (flag.startsWith("-")) {
        var known = e.getCommandLine().getCommandSpec().optionsMap().keySet();
        return "unknown option " + argument + ": did you mean " + Nearest.of(flag, known) + "?";
      }
      var commands = e.getCommandLine().getSubcommands().keySet();
      return "unexpected '"
          + argument
          + "'"
          + (commands.isEmpty() ? "" : ": did you mean " + Nearest.of(argument, commands) + "?");
    }
    return oneLine(e.getMessage());
  }

  /** What was to be printed is not all there. */
  static int onOutput() {
    say("holdfast: standard output cannot be written to its end: what is there is cut off");
    return HoldfastException.Kind.IO.exitCode();
  }

  /** Says it on stderr, keeps the stack trace in a file, and returns the exit code. */
  static int onExecution(Throwable e, CommandLine line) {
    String command = line.getCommandSpec().qualifiedName();
    if (((Main) line.getCommandSpec().root().userObject()).isVerbose()) {
      e.printStackTrace();
    }
    Path trace = keepTrace(e);
    if (e instanceof HoldfastException known) {
      say(command + ": " + oneLine(known.getMessage()));
      return known.kind().exitCode();
    } else if (e instanceof OutOfMemoryError) {
      say(command + ": the Java heap is full: JDK_JAVA_OPTIONS=-Xmx4g makes it larger");
      return HoldfastException.Kind.OUT_OF_MEMORY.exitCode();
    } else if (e instanceof LinkageError) {
      say(
          command
              + ": a native library does not load ("
              + first(e)
              + "); holdfast doctor says more");
      return HoldfastException.Kind.BACKEND.exitCode();
    } else if (e instanceof UncheckedIOException io) {
      say(command + ": input or output failed: " + AtomicFile.reason(io.getCause()));
      return HoldfastException.Kind.IO.exitCode();
    }
    String place = trace == null ? "" : "; the stack trace is in " + trace;
    say(command + ": internal error, a defect of Holdfast: " + first(e) + place);
    return INTERNAL;
  }

  /**
   * Into the run's log; where there is none, into a temporary file, unless the line that is shown
   * says all there is. Returns the file; null if none was written.
   */
  private static Path keepTrace(Throwable e) {
    if (Logs.file() != null) {
      Logs.toFileOnly("failed", e);
      return Logs.file();
    }
    if (e instanceof HoldfastException) {
      return null;
    }
    try {
      Path file = Files.createTempFile("holdfast-", ".log");
      try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
        e.printStackTrace(out);
      }
      return file;
    } catch (IOException unwritable) {
      return null;
    }
  }

  private static String first(Throwable e) {
    String name = e.getClass().getSimpleName();
    return e.getMessage() == null ? name : name + ": " + oneLine(e.getMessage());
  }

  private static String oneLine(String message) {
    return message.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  private static void say(String line) {
    LoggerFactory.getLogger(Logs.ERRORS).error(line);
  }
}
