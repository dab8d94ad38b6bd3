package io.holdfast.model.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * tokenizer_config.json next to tokenizer.json. Both say how text is split; Hugging Face's fast
 * tokenizers follow the first where they differ, so it is followed here, and what is saved says the
 * same in both.
 */
final class TokenizerSettings {

  /** Keys of a BertNormalizer, by those of tokenizer_config.json. */
  private static final Map<String, String> BERT =
      Map.of(
          "do_lower_case", "lowercase",
          "strip_accents", "strip_accents",
          "tokenize_chinese_chars", "handle_chinese_chars");

  private static final String PREFIX = "add_prefix_space";
  private static final Set<String> PREFIXED = Set.of("ByteLevel", "RobertaProcessing");
  private static final String SIDE = "truncation_side";

  /** Classes that split text as vocabulary files of their kind are read here. */
  private static final String BYTE_LEVEL = "(Roberta|GPT2)Tokenizer(Fast)?";

  private static final String WORD_PIECE = "(Bert|DistilBert|MobileBert|Electra)Tokenizer(Fast)?";

  private TokenizerSettings() {}

  /** Changes {@code json} to what {@code config} says. */
  static void apply(ObjectNode config, ObjectNode json) {
    if (json.path("normalizer") instanceof ObjectNode normalizer && isBert(normalizer)) {
      BERT.forEach(
          (key, own) -> {
            if (config.has(key)) {
              normalizer.set(own, config.get(key));
            }
          });
    }
    for (String part : List.of("pre_tokenizer", "post_processor")) {
      if (config.path(PREFIX).isBoolean()
          && json.path(part) instanceof ObjectNode node
          && PREFIXED.contains(node.path("type").asText())) {
        node.set(PREFIX, config.get(PREFIX));
      }
    }
  }

  /** Changes {@code config} to what {@code json} says; texts are cut at their end. */
  static void describe(ObjectNode config, ObjectNode json) {
    if (isBert(json.path("normalizer"))) {
      BERT.forEach(
          (key, own) -> {
            if (json.get("normalizer").has(own)) {
              config.set(key, json.get("normalizer").get(own));
            }
          });
    }
    JsonNode words = json.path("pre_tokenizer");
    if (PREFIXED.contains(words.path("type").asText())) {
      config.put(PREFIX, words.path(PREFIX).asBoolean());
    }
    if (config.has(SIDE)) {
      config.put(SIDE, "right");
    }
  }

  private static boolean isBert(JsonNode normalizer) {
    return normalizer.path("type").asText().equals("BertNormalizer");
  }

  /**
   * Throws (kind MODEL_FILE) if vocabulary files alone do not say how text is split: they are of
   * another class than BERT's or RoBERTa's, or tokens were added to them.
   *
   * @param json built from them
   * @param settings tokenizer_config.json, config.json, special_tokens_map.json
   * @param added added_tokens.json
   */
  static void requirePlain(
      ObjectNode json, boolean bytes, List<ObjectNode> settings, ObjectNode added, String place) {
    String known = bytes ? BYTE_LEVEL : WORD_PIECE;
    Set<String> more = new TreeSet<>();
    added.fieldNames().forEachRemaining(more::add);
    for (ObjectNode file : settings) {
      String named = file.path("tokenizer_class").asText("");
      if (!named.isEmpty() && !named.matches(known)) {
        throw TokenizerJson.bad(
            place, "is of a " + named + ": save it with tokenizer.json, as its fast class does");
      }
      file.path("additional_special_tokens").forEach(token -> more.add(content(token)));
      file.path("added_tokens_decoder").forEach(token -> more.add(content(token)));
    }
    json.path("added_tokens").forEach(token -> more.remove(content(token)));
    if (!more.isEmpty()) {
      throw TokenizerJson.bad(
          place,
          "tokens were added to it ("
              + String.join(", ", more)
              + "): save it with tokenizer.json, as its fast class does");
    }
  }

  private static String content(JsonNode token) {
    return token.isTextual() ? token.asText() : token.path("content").asText();
  }
}
