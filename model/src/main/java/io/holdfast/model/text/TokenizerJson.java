package io.holdfast.model.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.StrictJson;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Writes tokenizer.json, and the files beside it, from older vocabulary files. */
final class TokenizerJson {

  private static final int MAX_WORD = 100;

  private TokenizerJson() {}

  /**
   * RoBERTa's byte-level BPE: no space is put before the first word.
   *
   * @param vocabulary piece to id
   * @param merges one pair a line, best first, after an optional version line
   */
  static ObjectNode byteLevel(ObjectNode vocabulary, String place, String merges) {
    ObjectNode json = skeleton(vocabulary, true, place);
    json.putObject("pre_tokenizer")
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true);
    ObjectNode post = json.putObject("post_processor").put("type", "RobertaProcessing");
    post.putArray("sep").add("</s>").add(vocabulary.path("</s>").asInt());
    post.putArray("cls").add("<s>").add(vocabulary.path("<s>").asInt());
    post.put("trim_offsets", true).put("add_prefix_space", false);
    json.putObject("decoder")
        .put("type", "ByteLevel")
        .put("add_prefix_space", true)
        .put("trim_offsets", true);
    ObjectNode model = json.putObject("model").put("type", "BPE");
    model.putNull("dropout").putNull("unk_token");
    model.put("continuing_subword_prefix", "").put("end_of_word_suffix", "").put("fuse_unk", false);
    model.set("vocab", vocabulary);
    ArrayNode list = model.putArray("merges");
    for (String line : lines(merges)) {
      if (!line.startsWith("#version")) {
        list.add(line);
      }
    }
    return json;
  }

  /**
   * BERT's WordPiece. A vocabulary without upper-case letters is taken to be of lower-cased text.
   *
   * @param vocabulary one piece a line, its id the line's number from 0
   */
  static ObjectNode wordPiece(String vocabulary, String place) {
    ObjectNode ids = StrictJson.newObject();
    boolean upperCase = false;
    int id = 0;
    for (String piece : lines(vocabulary)) {
      if (ids.has(piece)) {
        throw bad(place + ":" + (id + 1), "'" + piece + "' is there twice");
      }
      ids.put(piece, id++);
      upperCase |= !piece.startsWith("[") && !piece.equals(piece.toLowerCase(Locale.ROOT));
    }
    ObjectNode json = skeleton(ids, false, place);
    ObjectNode normalizer = json.putObject("normalizer").put("type", "BertNormalizer");
    normalizer.put("clean_text", true);
    normalizer.put("handle_chinese_chars", true).putNull("strip_accents");
    normalizer.put("lowercase", !upperCase);
    json.putObject("pre_tokenizer").put("type", "BertPreTokenizer");
    ObjectNode post = json.putObject("post_processor").put("type", "BertProcessing");
    post.putArray("sep").add("[SEP]").add(ids.path("[SEP]").asInt());
    post.putArray("cls").add("[CLS]").add(ids.path("[CLS]").asInt());
    json.putObject("decoder").put("type", "WordPiece").put("prefix", "##").put("cleanup", true);
    ObjectNode model = json.putObject("model").put("type", "WordPiece");
    model.put("unk_token", "[UNK]").put("continuing_subword_prefix", "##");
    model.put("max_input_chars_per_word", MAX_WORD).set("vocab", ids);
    return json;
  }

  private static ObjectNode skeleton(ObjectNode vocabulary, boolean roberta, String place) {
    ObjectNode json = StrictJson.newObject().put("version", "1.0");
    json.putNull("truncation").putNull("padding");
    Map<Integer, String> byId = new TreeMap<>();
    for (JsonNode special : specials(roberta)) {
      String token = special.textValue();
      if (!vocabulary.path(token).isInt()) {
        throw bad(place, "has no token " + token);
      }
      byId.put(vocabulary.path(token).intValue(), token);
    }
    ArrayNode added = json.putArray("added_tokens");
    byId.forEach(
        (id, token) ->
            added
                .addObject()
                .put("id", id)
                .put("content", token)
                .put("single_word", false)
                // As Hugging Face has it: the mask takes the space before it along.
                .put("lstrip", token.equals("<mask>"))
                .put("rstrip", false)
                .put("normalized", false)
                .put("special", true));
    json.putNull("normalizer");
    return json;
  }

  /** special_tokens_map.json. */
  static ObjectNode specials(boolean roberta) {
    ObjectNode map = StrictJson.newObject();
    if (roberta) {
      map.put("bos_token", "<s>").put("eos_token", "</s>");
    }
    return map.put("unk_token", roberta ? "<unk>" : "[UNK]")
        .put("sep_token", roberta ? "</s>" : "[SEP]")
        .put("pad_token", roberta ? "<pad>" : "[PAD]")
        .put("cls_token", roberta ? "<s>" : "[CLS]")
        .put("mask_token", roberta ? "<mask>" : "[MASK]");
  }

  /** tokenizer_config.json for a folder that came without one. */
  static ObjectNode config(boolean roberta, int maxTokens) {
    ObjectNode config = StrictJson.newObject();
    config.setAll(specials(roberta));
    config.put("tokenizer_class", roberta ? "RobertaTokenizer" : "BertTokenizer");
    config.put(FileTokenizer.MAX_LENGTH, maxTokens);
    return config;
  }

  /** Lines end with a line feed alone: vocabularies hold other line separators as pieces. */
  static List<String> lines(String text) {
    return Arrays.stream(text.split("\n"))
        .map(line -> line.endsWith("\r") ? line.substring(0, line.length() - 1) : line)
        .toList();
  }

  /** A tokenizer file that cannot be used. */
  static HoldfastException bad(String place, String defect) {
    return new HoldfastException(HoldfastException.Kind.MODEL_FILE, place + ": " + defect);
  }
}
