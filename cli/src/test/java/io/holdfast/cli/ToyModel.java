package io.holdfast.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A model of two small layers with a vocabulary of its own, and rows it can learn. */
final class ToyModel {

  private static final Path WEIGHTS = Path.of("../model/src/test/resources/goldens/bert-classes3");
  private static final List<String> GOOD = List.of("fine", "great", "lovely", "warm");
  private static final List<String> BAD = List.of("awful", "cold", "dull", "grim");
  private static final List<String> OTHER = List.of("the", "day", "was", "night", "sea", "food");
  private static final int VOCABULARY = 90;

  private ToyModel() {}

  static Path write(Path folder) throws IOException {
    Files.createDirectories(folder);
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(WEIGHTS.resolve(name), folder.resolve(name));
    }
    List<String> words = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    words.addAll(GOOD);
    words.addAll(BAD);
    words.addAll(OTHER);
    for (int i = words.size(); i < VOCABULARY; i++) {
      words.add("word" + i);
    }
    Files.write(folder.resolve("vocab.txt"), words);
    return folder;
  }

  /** Rows with the columns text and mood. */
  static Path rows(Path file, int count) throws IOException {
    List<String> rows = new ArrayList<>(List.of("text\tmood"));
    for (int i = 0; i < count; i++) {
      List<String> words = i % 2 == 0 ? GOOD : BAD;
      String noun = OTHER.get(i % OTHER.size());
      rows.add(
          "the " + noun + " was " + words.get(i / 2 % 4) + "\t" + (i % 2 == 0 ? "up" : "down"));
    }
    return Files.write(file, rows);
  }
}
