package io.holdfast.model.text;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.files.StrictJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Opens the tokenizer of a model folder from the first of these that is there: tokenizer.json;
 * vocab.json and merges.txt (byte-level BPE); fairseq's encoder.json, vocab.bpe and dict.txt;
 * BERT's vocab.txt.
 */
public final class Tokenizers {

  private static final long MAX_BYTES = 256 << 20;
  private static final long MAX_CONFIG = 16 << 20;

  private Tokenizers() {}

  /** Throws kind MODEL_FILE when none is there, or none that fits {@code config}. */
  public static Tokenizer open(Path folder, ModelConfig config) {
    boolean roberta = config.architecture() == ModelConfig.Architecture.ROBERTA;
    Path origin = origin(folder);
    ObjectNode tokenizerConfig = optional(folder.resolve(FileTokenizer.CONFIG));
    ObjectNode json = json(folder, origin);
    ObjectNode map = optional(folder.resolve(FileTokenizer.SPECIALS));
    if (!origin.endsWith(FileTokenizer.FILE)) {
      TokenizerSettings.requirePlain(
          json,
          !origin.endsWith("vocab.txt"),
          List.of(tokenizerConfig, optional(folder.resolve("config.json")), map),
          optional(folder.resolve("added_tokens.json")),
          origin.toString());
    }
    TokenizerSettings.apply(tokenizerConfig, json);
    return new FileTokenizer(
        json,
        tokenizerConfig.isEmpty()
            ? TokenizerJson.config(roberta, config.maxTokens())
            : tokenizerConfig,
        map.isEmpty() ? TokenizerJson.specials(roberta) : map,
        config,
        origin.toString());
  }

  private static Path origin(Path folder) {
    if (has(folder, FileTokenizer.FILE)) {
      return folder.resolve(FileTokenizer.FILE);
    }
    if (has(folder, "vocab.json", "merges.txt")) {
      return folder.resolve("vocab.json");
    }
    if (has(folder, "encoder.json", "vocab.bpe", "dict.txt")) {
      return folder.resolve("dict.txt");
    }
    if (has(folder, "vocab.txt")) {
      return folder.resolve("vocab.txt");
    }
    throw TokenizerJson.bad(
        folder.toString(),
        "has no tokenizer: tokenizer.json, or vocab.json and merges.txt, or encoder.json,"
            + " vocab.bpe and dict.txt, or vocab.txt");
  }

  private static ObjectNode json(Path folder, Path origin) {
    return switch (origin.getFileName().toString()) {
      case "vocab.json" ->
          TokenizerJson.byteLevel(
              StrictJson.readObject(origin, MAX_BYTES),
              origin.toString(),
              text(folder.resolve("merges.txt")));
      case "dict.txt" ->
          TokenizerJson.byteLevel(
              FairseqDictionary.vocabulary(
                  StrictJson.readObject(folder.resolve("encoder.json"), MAX_BYTES),
                  text(origin),
                  origin.toString()),
              origin.toString(),
              text(folder.resolve("vocab.bpe")));
      case "vocab.txt" -> TokenizerJson.wordPiece(text(origin), origin.toString());
      default -> StrictJson.readObject(origin, MAX_BYTES);
    };
  }

  private static boolean has(Path folder, String... names) {
    return Arrays.stream(names).allMatch(name -> Files.exists(folder.resolve(name)));
  }

  private static String text(Path file) {
    return StrictJson.utf8(StrictJson.read(file, MAX_BYTES), file.toString());
  }

  private static ObjectNode optional(Path file) {
    return Files.exists(file) ? StrictJson.readObject(file, MAX_CONFIG) : StrictJson.newObject();
  }
}
