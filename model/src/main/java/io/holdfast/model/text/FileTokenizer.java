package io.holdfast.model.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.files.AtomicFile;
import io.holdfast.model.files.StrictJson;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * A tokenizer in the form of a tokenizer.json. Ids come from Hugging Face's library; specials and
 * truncation are placed here, so that they are the same in training, evaluation and prediction
 * whatever the file says about them.
 */
final class FileTokenizer implements Tokenizer {

  static final String FILE = "tokenizer.json";
  static final String CONFIG = "tokenizer_config.json";
  static final String SPECIALS = "special_tokens_map.json";
  static final String MAX_LENGTH = "model_max_length";

  private static final int NO_LENGTH = Integer.MAX_VALUE;

  private final ObjectNode json;
  private final ObjectNode config;
  private final ObjectNode specials;
  private final boolean types;
  private final NativeVocabulary vocabulary;
  private final SpecialTokens single;
  private final SpecialTokens pair;

  /**
   * @param json tokenizer.json; its truncation and padding are dropped
   * @param config tokenizer_config.json, to be saved with it
   * @param specials special_tokens_map.json, likewise
   * @param model which ids and token types must fit; where it has no token types, all are 0
   */
  FileTokenizer(
      ObjectNode json, ObjectNode config, ObjectNode specials, ModelConfig model, String place) {
    this.json = json;
    this.config = config;
    this.specials = specials;
    this.types =
        model.architecture() != ModelConfig.Architecture.ROBERTA && model.typeVocabSize() > 1;
    json.putNull("truncation");
    json.putNull("padding");
    int largest = largestId(json, place);
    if (largest >= model.vocabSize()) {
      throw TokenizerJson.bad(
          place,
          String.format(
              "its ids go up to %s, but the model has %s words; they are of two models",
              largest, model.vocabSize()));
    }
    this.vocabulary =
        new NativeVocabulary(
            StrictJson.compact(json),
            place,
            model.vocabSize(),
            types ? model.typeVocabSize() : Integer.MAX_VALUE);
    try {
      this.single = SpecialTokens.of(vocabulary, 1, place);
      this.pair = SpecialTokens.of(vocabulary, 2, place);
    } catch (RuntimeException e) {
      vocabulary.close();
      throw e;
    }
  }

  private static int largestId(ObjectNode json, String place) {
    int largest = -1;
    JsonNode vocab = json.path("model").path("vocab");
    if (vocab.isArray()) {
      largest = vocab.size() - 1;
    }
    for (Map.Entry<String, JsonNode> entry : vocab.properties()) {
      largest = Math.max(largest, id(entry.getValue(), place));
    }
    for (JsonNode added : json.path("added_tokens")) {
      largest = Math.max(largest, id(added.path("id"), place));
    }
    if (largest < 0) {
      throw TokenizerJson.bad(place, "has no vocabulary");
    }
    return largest;
  }

  private static int id(JsonNode node, String place) {
    if (!node.isInt() || node.intValue() < 0) {
      throw TokenizerJson.bad(place, "a token's id is not a whole number");
    }
    return node.intValue();
  }

  @Override
  public Encoding encode(String first, String second, int maxTokens) {
    SpecialTokens specialTokens = second == null ? single : pair;
    int room = maxTokens - specialTokens.count();
    if (room < 0) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          String.format(
              "a maximum length of %s tokens leaves no room for the %s special tokens",
              maxTokens, specialTokens.count()));
    }
    int[][] texts =
        second == null
            ? new int[][] {vocabulary.ids(first)}
            : new int[][] {vocabulary.ids(first), vocabulary.ids(second)};
    return join(specialTokens, texts, keep(texts, room));
  }

  private Encoding join(SpecialTokens special, int[][] texts, int[] keep) {
    int length = special.count();
    int fullLength = length;
    for (int i = 0; i < texts.length; i++) {
      length += keep[i];
      fullLength += texts[i].length;
    }
    int[] ids = new int[length];
    int[] typeIds = new int[length];
    int at = 0;
    for (int gap = 0; gap <= texts.length; gap++) {
      int count = special.ids()[gap].length;
      System.arraycopy(special.ids()[gap], 0, ids, at, count);
      System.arraycopy(special.types()[gap], 0, typeIds, at, count);
      at += count;
      if (gap < texts.length) {
        System.arraycopy(texts[gap], 0, ids, at, keep[gap]);
        Arrays.fill(typeIds, at, at + keep[gap], special.textTypes()[gap]);
        at += keep[gap];
      }
    }
    return new Encoding(ids, types ? typeIds : new int[length], fullLength);
  }

  /** How many tokens of each text fit into {@code room}: see {@link Tokenizer#encode}. */
  private static int[] keep(int[][] texts, int room) {
    if (texts.length == 1) {
      return new int[] {Math.min(texts[0].length, room)};
    }
    int a = texts[0].length;
    int b = texts[1].length;
    if (a + b <= room) {
      return new int[] {a, b};
    }
    int shorter = Math.min(Math.min(a, b), room / 2);
    int longer = room - shorter;
    return a > b ? new int[] {longer, shorter} : new int[] {shorter, longer};
  }

  @Override
  public String json() {
    return StrictJson.print(json);
  }

  @Override
  public int modelMaxLength() {
    JsonNode length = config.path(MAX_LENGTH);
    return length.isNumber() && length.doubleValue() >= 1 && length.doubleValue() < NO_LENGTH
        ? length.intValue()
        : NO_LENGTH;
  }

  @Override
  public void save(Path folder, int modelMaxLength) {
    ObjectNode saved = config.deepCopy().put(MAX_LENGTH, modelMaxLength);
    TokenizerSettings.describe(saved, json);
    AtomicFile.write(folder.resolve(FILE), json());
    AtomicFile.write(folder.resolve(CONFIG), StrictJson.print(saved));
    AtomicFile.write(folder.resolve(SPECIALS), StrictJson.print(specials));
    JsonNode model = json.path("model");
    if (model.path("vocab").isObject() && model.path("merges").isArray()) {
      AtomicFile.write(folder.resolve("vocab.json"), StrictJson.compact(model.path("vocab")));
      AtomicFile.write(folder.resolve("merges.txt"), merges(model.path("merges")));
    } else if (model.path("vocab").isObject()) {
      AtomicFile.write(folder.resolve("vocab.txt"), lines(model.path("vocab")));
    }
  }

  private static String merges(JsonNode merges) {
    StringBuilder text = new StringBuilder("#version: 0.2\n");
    for (JsonNode merge : merges) {
      text.append(
          merge.isArray() ? merge.path(0).asText() + " " + merge.path(1).asText() : merge.asText());
      text.append('\n');
    }
    return text.toString();
  }

  private static String lines(JsonNode vocab) {
    TreeMap<Integer, String> byId = new TreeMap<>();
    vocab.properties().forEach(entry -> byId.put(entry.getValue().asInt(), entry.getKey()));
    return String.join("\n", byId.values()) + "\n";
  }

  @Override
  public void close() {
    vocabulary.close();
  }
}
