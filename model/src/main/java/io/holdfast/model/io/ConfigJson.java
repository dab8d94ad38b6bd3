package io.holdfast.model.io;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.ModelConfig.HeadInit;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.files.StrictJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Hugging Face's config.json. Absent keys have that library's defaults; a setting that this encoder
 * does not compute is refused by name, never ignored.
 *
 * @param config what was understood
 * @param raw the file as it was, so that keys without meaning here survive a save
 */
public record ConfigJson(ModelConfig config, ObjectNode raw) {

  public static final String FILE = "config.json";

  private static final long MAX_BYTES = 16 << 20;
  static final int MAX_SIZE = 1 << 24;
  static final int MAX_LAYERS = 1024;
  private static final int MAX_LABELS = 1 << 16;

  /** Keys that would have the loader do something else than we did. */
  private static final Set<String> DROPPED = Set.of("auto_map", "_name_or_path", "dtype");

  public static ConfigJson read(Path file) {
    return parse(StrictJson.read(file, MAX_BYTES), file.toString());
  }

  /** Reads {@code bytes}; {@code place} is what messages call them. */
  static ConfigJson parse(byte[] bytes, String place) {
    ObjectNode raw = StrictJson.parseObject(bytes, place);
    return new ConfigJson(new Reader(raw, place).config(), raw);
  }

  /** One file's keys, with messages that name file and key. */
  private record Reader(ObjectNode raw, String place) {

    ModelConfig config() {
      Architecture architecture = architecture();
      refuseUnsupported();
      boolean roberta = architecture == Architecture.ROBERTA;
      int hidden = size("hidden_size", 768, MAX_SIZE);
      int heads = size("num_attention_heads", 12, MAX_SIZE);
      if (hidden % heads != 0) {
        throw bad("hidden_size " + hidden + " is not a multiple of num_attention_heads " + heads);
      }
      float hiddenDropout = fraction("hidden_dropout_prob", 0.1f);
      List<String> labels = labels();
      ModelConfig config =
          new ModelConfig(
              architecture,
              size("vocab_size", roberta ? 50265 : 30522, MAX_SIZE),
              hidden,
              size("num_hidden_layers", 12, MAX_LAYERS),
              heads,
              size("intermediate_size", 3072, MAX_SIZE),
              size("max_position_embeddings", 512, MAX_SIZE),
              size("type_vocab_size", 2, MAX_SIZE),
              positive("layer_norm_eps", 1e-12f),
              hiddenDropout,
              fraction("attention_probs_dropout_prob", 0.1f),
              fraction("classifier_dropout", hiddenDropout),
              positive("initializer_range", 0.02f),
              whole("pad_token_id", roberta ? 1 : 0, 0, MAX_SIZE),
              HeadInit.HUGGINGFACE,
              regression(labels.size()),
              labels);
      checkSize(config, this::bad);
      return config;
    }

    private Architecture architecture() {
      String type = text("model_type", null);
      if (type == null) {
        throw bad("has no model_type; add \"model_type\": \"bert\" or \"roberta\"");
      }
      return switch (type) {
        case "bert" -> Architecture.BERT;
        case "roberta" -> Architecture.ROBERTA;
        default -> throw bad("model_type '" + brief(type) + "' is not supported: bert or roberta");
      };
    }

    private void refuseUnsupported() {
      require("hidden_act", "gelu", text("hidden_act", "gelu"));
      require("position_embedding_type", "absolute", text("position_embedding_type", "absolute"));
      for (String key :
          List.of("is_decoder", "add_cross_attention", "is_encoder_decoder", "use_bfloat16")) {
        JsonNode value = raw.path(key);
        if (!value.isMissingNode() && !value.isNull() && !value.equals(raw.booleanNode(false))) {
          throw bad(key + " " + brief(value.toString()) + " is not supported: only false");
        }
      }
      for (String key : List.of("pruned_heads", "quantization_config")) {
        JsonNode value = raw.path(key);
        if (!value.isMissingNode() && !value.isNull() && !(value.isObject() && value.isEmpty())) {
          throw bad(key + " is not supported: use the model without it");
        }
      }
    }

    private void require(String key, String only, String value) {
      if (!value.equals(only)) {
        throw bad(key + " '" + brief(value) + "' is not supported: only '" + only + "'");
      }
    }

    private List<String> labels() {
      int count = whole("num_labels", 2, 1, MAX_LABELS);
      JsonNode names = raw.path("id2label");
      if (names.isMissingNode() || names.isNull()) {
        return IntStream.range(0, count).mapToObj(i -> "LABEL_" + i).toList();
      }
      if (!names.isObject() || names.isEmpty() || names.size() > MAX_LABELS) {
        throw bad("id2label does not map class ids to names");
      }
      if (raw.hasNonNull("num_labels") && count != names.size()) {
        throw bad("num_labels is " + count + " but id2label has " + names.size() + " classes");
      }
      List<String> labels = new ArrayList<>();
      for (int i = 0; i < names.size(); i++) {
        JsonNode name = names.path(Integer.toString(i));
        if (!name.isTextual()) {
          throw bad("id2label has no name for class " + i);
        }
        labels.add(name.textValue());
      }
      if (Set.copyOf(labels).size() < labels.size()) {
        throw bad("id2label gives two classes the same name");
      }
      checkInverse(labels);
      return labels;
    }

    private void checkInverse(List<String> labels) {
      JsonNode ids = raw.path("label2id");
      if (ids.isMissingNode() || ids.isNull()) {
        return;
      }
      for (Map.Entry<String, JsonNode> entry : ids.properties()) {
        int id = entry.getValue().canConvertToExactIntegral() ? entry.getValue().asInt(-1) : -1;
        if (id < 0 || id >= labels.size() || !labels.get(id).equals(entry.getKey())) {
          throw bad("label2id and id2label disagree about '" + brief(entry.getKey()) + "'");
        }
      }
    }

    private boolean regression(int outputs) {
      String problem = text("problem_type", outputs == 1 ? "regression" : "");
      switch (problem) {
        case "regression" -> {
          if (outputs != 1) {
            throw bad("a regression with " + outputs + " outputs is not supported: only one");
          }
          return true;
        }
        case "", "single_label_classification" -> {
          return false;
        }
        default ->
            throw bad(
                "problem_type '"
                    + brief(problem)
                    + "' is not supported: single_label_classification or regression");
      }
    }

    private int size(String key, int absent, int most) {
      return whole(key, absent, 1, most);
    }

    private int whole(String key, int absent, int least, int most) {
      JsonNode value = raw.path(key);
      if (value.isMissingNode() || value.isNull()) {
        return absent;
      }
      if (!value.isIntegralNumber() || !value.canConvertToLong()) {
        throw bad(key + " is not a whole number: " + brief(value.toString()));
      }
      if (value.longValue() < least || value.longValue() > most) {
        throw bad(key + " " + value.longValue() + " is not in " + least + " … " + most);
      }
      return value.intValue();
    }

    private float number(String key, float absent) {
      JsonNode value = raw.path(key);
      if (value.isMissingNode() || value.isNull()) {
        return absent;
      }
      if (!value.isNumber() || !Float.isFinite(value.floatValue())) {
        throw bad(key + " is not a number: " + brief(value.toString()));
      }
      return value.floatValue();
    }

    private float fraction(String key, float absent) {
      float value = number(key, absent);
      if (!(value >= 0 && value < 1)) {
        throw bad(key + " " + value + " is not in [0, 1)");
      }
      return value;
    }

    private float positive(String key, float absent) {
      float value = number(key, absent);
      if (!(value > 0)) {
        throw bad(key + " " + value + " is not above 0");
      }
      return value;
    }

    private String text(String key, String absent) {
      JsonNode value = raw.path(key);
      if (value.isMissingNode() || value.isNull()) {
        return absent;
      }
      if (!value.isTextual()) {
        throw bad(key + " is not text: " + brief(value.toString()));
      }
      return value.textValue();
    }

    private HoldfastException bad(String defect) {
      return new HoldfastException(HoldfastException.Kind.MODEL_FILE, place + ": " + defect);
    }

    private static String brief(String text) {
      return SafetensorsHeader.brief(text);
    }
  }

  /** Refuses, through {@code bad}, what would not fit into one block or takes no input. */
  static void checkSize(ModelConfig config, Function<String, HoldfastException> bad) {
    long elements = ParameterLayout.of(config).elements();
    if (elements > ParameterLayout.MAX_ELEMENTS) {
      throw bad.apply("a model of " + elements + " parameters is too large");
    }
    if (config.maxTokens() < 1) {
      throw bad.apply(
          "max_position_embeddings " + config.maxPositions() + " leaves room for no token");
    }
  }

  /**
   * The file that has Hugging Face load {@code config} as a sequence classifier, over the keys of
   * {@code base}.
   */
  static ObjectNode write(ModelConfig config, ObjectNode base) {
    boolean bert = config.architecture() == Architecture.BERT;
    ObjectNode out = base.deepCopy();
    out.remove(DROPPED);
    // A loader refuses a count beside the names; the names say it.
    out.remove("num_labels");
    ArrayNode architectures = out.putArray("architectures");
    architectures.add(bert ? "BertForSequenceClassification" : "RobertaForSequenceClassification");
    out.put("model_type", bert ? "bert" : "roberta");
    out.put("vocab_size", config.vocabSize());
    out.put("hidden_size", config.hiddenSize());
    out.put("num_hidden_layers", config.layers());
    out.put("num_attention_heads", config.heads());
    out.put("intermediate_size", config.intermediateSize());
    out.put("hidden_act", "gelu");
    out.put("max_position_embeddings", config.maxPositions());
    out.put("type_vocab_size", config.typeVocabSize());
    out.put("layer_norm_eps", exact(config.layerNormEps()));
    out.put("hidden_dropout_prob", exact(config.hiddenDropout()));
    out.put("attention_probs_dropout_prob", exact(config.attentionDropout()));
    out.put("classifier_dropout", exact(config.classifierDropout()));
    out.put("initializer_range", exact(config.initializerRange()));
    out.put("pad_token_id", config.padTokenId());
    if (!bert) {
      out.put("bos_token_id", out.path("bos_token_id").asInt(0));
      out.put("eos_token_id", out.path("eos_token_id").asInt(2));
    }
    out.put("torch_dtype", "float32");
    out.put("problem_type", config.regression() ? "regression" : "single_label_classification");
    ObjectNode names = out.putObject("id2label");
    ObjectNode ids = out.putObject("label2id");
    for (int i = 0; i < config.labels().size(); i++) {
      names.put(Integer.toString(i), config.labels().get(i));
      ids.put(config.labels().get(i), i);
    }
    return out;
  }

  /** The shortest decimal that is this float: 0.1, not 0.10000000149011612. */
  private static double exact(float value) {
    return Double.parseDouble(Float.toString(value));
  }
}
