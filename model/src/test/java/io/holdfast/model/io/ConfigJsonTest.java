package io.holdfast.model.io;

import static io.holdfast.model.io.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.files.StrictJson;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigJsonTest {

  private static ConfigJson parse(String json) {
    return ConfigJson.parse(json.getBytes(StandardCharsets.UTF_8), "config.json");
  }

  private static ModelConfig config(String keys) {
    return parse("{\"model_type\":\"bert\"" + (keys.isEmpty() ? "" : "," + keys) + "}").config();
  }

  @Test
  void absentKeysHaveHuggingFacesDefaults() {
    ModelConfig c = config("");
    assertEquals(
        new ModelConfig(
            Architecture.BERT,
            30522,
            768,
            12,
            12,
            3072,
            512,
            2,
            1e-12f,
            0.1f,
            0.1f,
            0.1f,
            0.02f,
            0,
            ModelConfig.HeadInit.HUGGINGFACE,
            false,
            List.of("LABEL_0", "LABEL_1")),
        c);
    ModelConfig r = parse("{\"model_type\":\"roberta\"}").config();
    assertEquals(Architecture.ROBERTA, r.architecture());
    assertEquals(50265, r.vocabSize());
    assertEquals(1, r.padTokenId());
    assertEquals(2, r.firstPosition());
  }

  @Test
  void readsRobertaBase() {
    ModelConfig c =
        parse(
                """
                {"architectures": ["RobertaForMaskedLM"], "attention_probs_dropout_prob": 0.1,
                 "bos_token_id": 0, "eos_token_id": 2, "hidden_act": "gelu",
                 "hidden_dropout_prob": 0.2, "hidden_size": 768, "initializer_range": 0.02,
                 "intermediate_size": 3072, "layer_norm_eps": 1e-05,
                 "max_position_embeddings": 514, "model_type": "roberta",
                 "num_attention_heads": 12, "num_hidden_layers": 12, "pad_token_id": 1,
                 "type_vocab_size": 1, "vocab_size": 50265}
                """)
            .config();
    assertEquals(514, c.maxPositions());
    assertEquals(512, c.maxTokens());
    assertEquals(1, c.typeVocabSize());
    assertEquals(1e-5f, c.layerNormEps());
    assertEquals(0.2f, c.classifierDropout());
  }

  @Test
  void classifierDropoutFollowsHiddenDropoutUnlessGiven() {
    assertEquals(
        0.3f,
        config("\"classifier_dropout\":null,\"hidden_dropout_prob\":0.3").classifierDropout());
    assertEquals(
        0f, config("\"classifier_dropout\":0.0,\"hidden_dropout_prob\":0.3").classifierDropout());
  }

  @Test
  void labelsAndProblemType() {
    assertEquals(3, config("\"num_labels\":3").outputs());
    ModelConfig named =
        config("\"id2label\":{\"1\":\"yes\",\"0\":\"no\"},\"label2id\":{\"no\":0,\"yes\":1}");
    assertEquals(List.of("no", "yes"), named.labels());
    assertFalse(named.regression());
    assertTrue(config("\"num_labels\":1").regression());
    assertTrue(config("\"id2label\":{\"0\":\"score\"}").regression());
    assertFalse(
        config("\"num_labels\":1,\"problem_type\":\"single_label_classification\"").regression());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "\"hidden_act\":\"relu\"; hidden_act 'relu' is not supported",
        "\"hidden_act\":\"gelu_new\"; hidden_act 'gelu_new' is not supported",
        "\"position_embedding_type\":\"relative_key\"; position_embedding_type 'relative_key'",
        "\"is_decoder\":true; is_decoder true",
        "\"add_cross_attention\":true; add_cross_attention true",
        "\"pruned_heads\":{\"0\":[1]}; pruned_heads",
        "\"quantization_config\":{\"bits\":8}; quantization_config",
        "\"problem_type\":\"multi_label_classification\"; multi_label_classification",
        "\"problem_type\":\"regression\"; a regression with 2 outputs",
        "\"hidden_size\":770; not a multiple of num_attention_heads",
        "\"hidden_size\":\"768\"; hidden_size is not a whole number",
        "\"hidden_size\":768.0; hidden_size is not a whole number",
        "\"hidden_size\":0; hidden_size 0 is not in",
        "\"num_hidden_layers\":1000000000; num_hidden_layers 1000000000 is not in",
        "\"vocab_size\":16000000; is too large",
        "\"num_labels\":65536,\"hidden_size\":32760,\"vocab_size\":9; is too large",
        "\"num_hidden_layers\":1,\"hidden_size\":20736,\"vocab_size\":9; is too large",
        "\"layer_norm_eps\":0; layer_norm_eps",
        "\"layer_norm_eps\":1e-99; layer_norm_eps",
        "\"layer_norm_eps\":-1; layer_norm_eps",
        "\"layer_norm_eps\":1e999; layer_norm_eps",
        "\"hidden_dropout_prob\":1.0; hidden_dropout_prob 1.0 is not in [0, 1)",
        "\"id2label\":{\"1\":\"a\",\"2\":\"b\"}; no name for class 0",
        "\"id2label\":{\"0\":\"a\",\"1\":\"a\"}; two classes the same name",
        "\"id2label\":{\"0\":\"a\",\"1\":\"b\"},\"num_labels\":3; num_labels is 3",
        "\"id2label\":{\"0\":\"a\",\"1\":\"b\"},\"label2id\":{\"a\":1,\"b\":0}; disagree about 'a'",
        "\"hidden_size\":8,\"hidden_size\":8; Duplicate field",
      })
  void refusesByName(String keys, String message) {
    assertRefused(() -> config(keys), "config.json", message);
  }

  @Test
  void refusesOtherModels() {
    assertRefused(() -> parse("{}"), "no model_type");
    assertRefused(() -> parse("{\"model_type\":\"albert\"}"), "'albert' is not supported");
    assertRefused(() -> parse("[]"), "not a JSON object");
    assertRefused(() -> parse(""), "not a JSON object");
    assertRefused(() -> parse("{\"model_type\":\"bert\"}x"), "config.json:1: not valid JSON");
  }

  @Test
  void writesWhatItReads() {
    ConfigJson base =
        parse(
            """
            {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"],
             "gradient_checkpointing": false, "auto_map": {"AutoModel": "x.py"}, "num_labels": 4,
             "type_vocab_size": 1, "vocab_size": 100, "layer_norm_eps": 1e-05, "hidden_size": 24}
            """);
    ModelConfig c = base.config();
    ModelConfig tuned =
        new ModelConfig(
            c.architecture(),
            c.vocabSize(),
            c.hiddenSize(),
            c.layers(),
            c.heads(),
            c.intermediateSize(),
            c.maxPositions(),
            c.typeVocabSize(),
            c.layerNormEps(),
            0.1f,
            0.05f,
            0f,
            c.initializerRange(),
            c.padTokenId(),
            c.headInit(),
            false,
            List.of("entailment", "not_entailment", "neither"));
    ObjectNode json = ConfigJson.write(tuned, base.raw());
    assertEquals("[\"RobertaForSequenceClassification\"]", json.path("architectures").toString());
    assertEquals("false", json.path("gradient_checkpointing").toString());
    assertEquals("1.0E-5", json.path("layer_norm_eps").toString());
    assertEquals("0.05", json.path("attention_probs_dropout_prob").toString());
    assertEquals("single_label_classification", json.path("problem_type").asText());
    assertEquals("not_entailment", json.path("id2label").path("1").asText());
    assertEquals(2, json.path("label2id").path("neither").asInt());
    assertFalse(json.has("auto_map"));
    assertFalse(json.has("num_labels"));
    assertEquals(tuned, parse(StrictJson.print(json)).config());
  }
}
