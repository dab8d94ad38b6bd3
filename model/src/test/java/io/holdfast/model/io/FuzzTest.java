package io.holdfast.model.io;

import io.holdfast.model.files.Mutations;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** 120,000 damaged weight and configuration files. */
class FuzzTest {

  private static void readAll(TensorSource source) {
    source
        .shapes()
        .forEach(
            (name, shape) -> {
              if (!name.contains("ids")) {
                source.read(name);
              }
            });
  }

  @Test
  void safetensors() {
    String header =
        """
        {"__metadata__":{"format":"pt"},\
        "a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
        "b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},\
        "ids":{"dtype":"I64","shape":[1,1],"data_offsets":[32,40]}}""";
    Mutations.run(
        SafetensorsTest.bytes(header, 40),
        40_000,
        bytes -> {
          try (Safetensors source = new Safetensors(MemoryChannel.file(bytes))) {
            readAll(source);
          }
        });
  }

  @Test
  void onnx() {
    byte[] seed =
        new OnnxBuilder()
            .initializer("embeddings.word_embeddings.weight", new int[] {3, 4}, new float[12])
            .initializer("embeddings.position_embeddings.weight", new int[] {2, 4}, new float[8])
            .initializer("embeddings.token_type_embeddings.weight", new int[] {2, 4}, new float[8])
            .initializer("encoder.layer.0.intermediate.dense.bias", new int[] {2}, new float[2])
            .initializer("onnx::MatMul_1", new int[] {2, 4}, new float[8])
            .node("MatMul", "/encoder/layer.0/output/dense/MatMul", "y", "x", "onnx::MatMul_1")
            .constant("epsilon", 1e-12f)
            .node("Add", "/embeddings/LayerNorm/Add", "s", "variance", "epsilon")
            .constant("root", 2f)
            .node("Div", "/encoder/layer.0/attention/self/Div", "d", "scores", "root")
            .build();
    Mutations.run(
        seed,
        40_000,
        bytes -> {
          try (OnnxWeights source = new OnnxWeights(MemoryChannel.file(bytes))) {
            OnnxConfig.infer(Path.of("model.onnx"), source);
            readAll(source);
          }
        });
  }

  @Test
  void config() {
    String seed =
        """
        {"model_type":"roberta","hidden_size":24,"num_attention_heads":3,"num_hidden_layers":2,
        "vocab_size":100,"max_position_embeddings":66,"layer_norm_eps":1e-05,"pad_token_id":1,
        "hidden_dropout_prob":0.1,"classifier_dropout":null,"hidden_act":"gelu","is_decoder":false,
        "id2label":{"0":"no","1":"yes"},"label2id":{"no":0,"yes":1},"problem_type":null}""";
    Mutations.run(
        seed.getBytes(StandardCharsets.UTF_8),
        40_000,
        bytes -> {
          ConfigJson read = ConfigJson.parse(bytes, "config.json");
          ConfigJson.write(read.config(), read.raw());
        });
  }
}
