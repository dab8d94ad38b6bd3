package io.holdfast.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;

/** Runs commands in this JVM and keeps what they print. */
record Cli(int exitCode, String out, String err) {

  static Cli run(String... args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
    ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(outBytes, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(errBytes, true, StandardCharsets.UTF_8));
      int exitCode = Main.run(args);
      return new Cli(
          exitCode,
          outBytes.toString(StandardCharsets.UTF_8),
          errBytes.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** The command that {@code args} parse to; parse errors are thrown. */
  static Object parse(String... args) {
    CommandLine line = Main.commandLine(null);
    CommandLine.ParseResult result = line.parseArgs(Main.withOurNames(line, args));
    return result.subcommand().commandSpec().userObject();
  }

  /** Splits a line as a shell does: blanks separate, double quotes group. */
  static String[] words(String line) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    boolean quoted = false;
    boolean open = false;
    for (char c : line.toCharArray()) {
      if (c == '"') {
        quoted = !quoted;
        open = true;
      } else if (c == ' ' && !quoted) {
        if (open) {
          words.add(word.toString());
        }
        word.setLength(0);
        open = false;
      } else {
        word.append(c);
        open = true;
      }
    }
    if (open) {
      words.add(word.toString());
    }
    return words.toArray(String[]::new);
  }
}
