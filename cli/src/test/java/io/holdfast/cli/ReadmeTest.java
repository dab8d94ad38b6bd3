package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
      try (Stream<Path> files = Files.walk(ROOT.resolve("docs"))) {
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

  /** What stands under "From Java" is a program: it is compiled, and run on a model. */
  @Test
  void theJavaProgramRuns(@TempDir Path folder) throws Exception {
    Matcher program =
        Pattern.compile("(?ms)^```java\\n(.*?)^```")
            .matcher(Files.readString(ROOT.resolve("README.md")));
    assertTrue(program.find());
    Path source = Files.writeString(folder.resolve("Ask.java"), program.group(1));
    String path = System.getProperty("java.class.path");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    assertEquals(0, compiler.run(null, null, null, "-cp", path, source.toString()));
    Path model = ToyModel.write(folder.resolve("model"));
    PrintStream stdout = System.out;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
      Object arguments = new String[] {model.toString()};
      loader.loadClass("Ask").getMethod("main", String[].class).invoke(null, arguments);
    } finally {
      System.setOut(stdout);
    }
    String number = "0\\.\\d+(E-\\d+)?";
    String answer = "class[0-2] \\[%s, %s, %s]".replace("%s", number);
    List<String> lines = said.toString(StandardCharsets.UTF_8).lines().toList(); // logs before it
    assertTrue(lines.get(lines.size() - 1).matches(answer), lines.toString());
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
