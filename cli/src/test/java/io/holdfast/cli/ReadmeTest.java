package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the documents tell the reader to type, and the files they name. */
class ReadmeTest {

  private static final Path ROOT = Path.of("..");
  private static final Pattern FENCE = Pattern.compile("(?ms)^```[a-z]*\\n(.*?)^```");
  private static final Pattern START =
      Pattern.compile("\\./holdfast |spark-submit .*/holdfast\\.jar ");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:]+)\\)");

  private static List<Path> documents() throws IOException {
    List<Path> documents = new ArrayList<>(List.of(ROOT.resolve("README.md")));
    if (Files.isDirectory(ROOT.resolve("docs"))) {
      try (Stream<Path> files = Files.list(ROOT.resolve("docs"))) {
        files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(documents::add);
      }
    }
    return documents;
  }

  /** Lines of fenced blocks that run Holdfast, continuation lines joined. */
  static List<String> commands() throws IOException {
    List<String> commands = new ArrayList<>();
    for (Path document : documents()) {
      Matcher fences = FENCE.matcher(Files.readString(document));
      while (fences.find()) {
        for (String line : fences.group(1).replaceAll("\\\\\\n\\s*", "").split("\\n")) {
          String command = line.replaceFirst("^\\s*(\\$ )?", "");
          Matcher start = START.matcher(command);
          if (start.lookingAt()) {
            commands.add(command.substring(start.end()));
          }
        }
      }
    }
    return commands;
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandParses(String command) {
    Object parsed = Cli.parse(Cli.words(command.replaceFirst("\\s+[|>#].*", "")));
    if (parsed instanceof TrainCommand train) {
      train.options();
    } else if (parsed instanceof SweepCommand sweep) {
      sweep.settings(sweep.given());
    }
  }

  @Test
  void everyLinkedFileExists() throws IOException {
    for (Path document : documents()) {
      Matcher links = LINK.matcher(Files.readString(document));
      while (links.find()) {
        Path target = document.resolveSibling(links.group(1));
        assertTrue(Files.exists(target), document + " links to " + links.group(1));
      }
    }
    assertFalse(commands().isEmpty());
  }
}
