package io.holdfast.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Published settings by name: files of options, as --config takes them, with a description. */
final class Recipes {

  static final List<String> NAMES =
      List.of(
          "rte-r3f",
          "cola-linear",
          "cola-llrd",
          "cola-grouped-llrd",
          "cola-reinit",
          "cola-r-drop",
          "cola-swa-reinit");

  private static final String DESCRIPTION = "description";

  private Recipes() {}

  /** The recipe's options by key. */
  static Map<String, String> read(String name) {
    ObjectNode options = open(name);
    options.remove(DESCRIPTION);
    return TrainFlags.options("--recipe " + name, options);
  }

  /** "name: description" lines. */
  static String list() {
    StringBuilder lines = new StringBuilder();
    for (String name : NAMES) {
      lines.append(name).append(": ").append(open(name).path(DESCRIPTION).asText()).append('\n');
    }
    return lines.toString();
  }

  private static ObjectNode open(String name) {
    if (!NAMES.contains(name)) {
      throw Main.usage(
          "no recipe '"
              + name
              + "': did you mean "
              + Nearest.of(name, NAMES)
              + "? --recipe list shows them all");
    }
    String file = "/recipes/" + name + ".json";
    try (InputStream in = Recipes.class.getResourceAsStream(file)) {
      return TrainFlags.parse(file, new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
