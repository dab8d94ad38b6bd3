package io.holdfast.engine.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class VersionsTest {

  @Test
  void areThoseThatRun() throws IOException {
    Map<String, String> libraries = Versions.libraries();
    assertEquals(
        List.of("javacpp", "onednn_preset", "tokenizers", "java"), List.copyOf(libraries.keySet()));
    assertEquals(Loader.getVersion(), libraries.get("javacpp"));
    assertTrue(libraries.get("onednn_preset").endsWith("-" + Loader.getVersion()));
    String path = System.getProperty("java.class.path");
    assertTrue(path.contains("dnnl-" + libraries.get("onednn_preset") + ".jar"), path);
    assertTrue(path.contains("tokenizers-" + libraries.get("tokenizers") + ".jar"), path);
    assertTrue(libraries.get("java").contains(System.getProperty("java.version")));
  }

  /** Outside of a checkout, as in a source archive, there is no commit in brackets. */
  @Test
  void nameTheCommit() {
    if (!Files.exists(Path.of("../.git"))) {
      assertFalse(Versions.holdfast().contains("("), Versions.holdfast());
      return;
    }
    Assumptions.assumeFalse(git("rev-parse", "HEAD").isEmpty(), "git does not answer here");
    Matcher commit =
        Pattern.compile("\\S+ \\(([0-9a-f]{12})(-dirty)?\\)").matcher(Versions.holdfast());
    assertTrue(commit.matches(), Versions.holdfast());
    assertEquals("commit", git("cat-file", "-t", commit.group(1)), Versions.holdfast());
  }

  /** What git says; "" if there is none, or it refuses this folder. */
  private static String git(String... arguments) {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(List.of(arguments));
    try {
      Process git = new ProcessBuilder(command).start();
      return new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return "";
    }
  }
}
