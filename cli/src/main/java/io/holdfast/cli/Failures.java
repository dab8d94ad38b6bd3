package io.holdfast.cli;

import io.holdfast.kernels.HoldfastException;
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
          "--fp16", "there is no half precision here: see --precision",
          "--bf16", "use --precision bf16-gemm",
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

  static int onExecution(Exception e, CommandLine command, CommandLine.ParseResult result) {
    return report(command.getCommandSpec().qualifiedName(), e);
  }

  /** Says it on stderr, keeps the stack trace in a file, and returns the exit code. */
  static int report(String command, Throwable e) {
    if (e instanceof HoldfastException known) {
      Logs.toFileOnly(known.getMessage(), known);
      say(command + ": " + oneLine(known.getMessage()));
      return known.kind().exitCode();
    } else if (e instanceof OutOfMemoryError) {
      Logs.toFileOnly("out of memory", e);
      say(command + ": the Java heap is full: JDK_JAVA_OPTIONS=-Xmx4g makes it larger");
      return HoldfastException.Kind.OUT_OF_MEMORY.exitCode();
    } else if (e instanceof LinkageError) {
      say(
          command
              + ": a native library does not load ("
              + first(e)
              + "); holdfast doctor says more");
      return HoldfastException.Kind.BACKEND.exitCode();
    } else if (e instanceof UncheckedIOException) {
      Logs.toFileOnly("input or output failed", e);
      say(command + ": input or output failed: " + first(e.getCause()));
      return HoldfastException.Kind.IO.exitCode();
    }
    say(command + ": internal error, a defect of Holdfast: " + first(e) + stackTrace(e));
    return INTERNAL;
  }

  private static String stackTrace(Throwable e) {
    if (Logs.file() != null) {
      Logs.toFileOnly("internal error", e);
      return "; the stack trace is in " + Logs.file();
    }
    try {
      Path file = Files.createTempFile("holdfast-", ".log");
      try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
        e.printStackTrace(out);
      }
      return "; the stack trace is in " + file;
    } catch (IOException unwritable) {
      return "; no log could be written (" + first(unwritable) + ")";
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
