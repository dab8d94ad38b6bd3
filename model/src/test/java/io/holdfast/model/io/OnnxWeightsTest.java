package io.holdfast.model.io;

import static io.holdfast.model.io.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.model.ModelConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OnnxWeightsTest {

  private static OnnxWeights open(byte[] file) {
    return new OnnxWeights(MemoryChannel.file(file));
  }

  /** The skeleton of an exported BERT: H 8, two heads of 4, F 3, V 5, 6 positions, one layer. */
  static OnnxBuilder bert() {
    return bert(1e-12f);
  }

  private static OnnxBuilder bert(float epsilon) {
    return withoutWords(epsilon)
        .initializer("embeddings.word_embeddings.weight", new int[] {5, 8}, new float[40]);
  }

  private static OnnxBuilder withoutWords(float epsilon) {
    return new OnnxBuilder()
        .initializer("embeddings.position_embeddings.weight", new int[] {6, 8}, new float[48])
        .initializer("embeddings.token_type_embeddings.weight", new int[] {2, 8}, new float[16])
        .initializer("encoder.layer.0.intermediate.dense.bias", new int[] {3}, new float[3])
        .constant("epsilon", epsilon)
        .node("Add", "/embeddings/LayerNorm/Add", "s", "variance", "epsilon")
        .constant("root", 2f)
        .node("Div", "/encoder/layer.0/attention/self/Div", "d", "scores", "root");
  }

  @Test
  void namesAndTransposesLinearWeights() {
    byte[] file =
        new OnnxBuilder()
            .initializer("onnx::MatMul_1", new int[] {2, 3}, 1, 2, 3, 4, 5, 6)
            .initializer("pooler.dense.weight", new int[] {2, 2}, 1, 2, 3, 4)
            .node("MatMul", "/encoder/layer.7/output/dense/MatMul", "y", "x", "onnx::MatMul_1")
            .node("MatMul", "/encoder/layer.7/attention/self/MatMul", "z", "q", "k")
            .build();
    try (OnnxWeights w = open(file)) {
      assertEquals(
          Set.of("pooler.dense.weight", "encoder.layer.7.output.dense.weight"),
          w.shapes().keySet());
      assertArrayEquals(new int[] {3, 2}, w.shapes().get("encoder.layer.7.output.dense.weight"));
      assertArrayEquals(
          new float[] {1, 4, 2, 5, 3, 6}, w.read("encoder.layer.7.output.dense.weight"));
      assertArrayEquals(new float[] {1, 2, 3, 4}, w.read("pooler.dense.weight"));
      assertRefused(() -> w.read("other"), "no tensor 'other'");
    }
  }

  @Test
  void readsFloatDataHalvesAndDoubles() {
    byte[] two = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(2f).array();
    byte[] half = {0x00, 0x3C};
    byte[] real = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putDouble(0.1).array();
    byte[] file =
        new OnnxBuilder()
            .initializer(OnnxBuilder.tensor("floats", new int[] {1}, 1, 4, two))
            .initializer(OnnxBuilder.tensor("half", new int[] {1}, 10, 9, half))
            .initializer(OnnxBuilder.tensor("double", new int[] {1}, 11, 10, real))
            .initializer(OnnxBuilder.tensor("ids", new int[] {1}, 7, 9, real))
            .build();
    try (OnnxWeights w = open(file)) {
      assertArrayEquals(new float[] {2f}, w.read("floats"));
      assertArrayEquals(new float[] {1f}, w.read("half"));
      assertArrayEquals(new float[] {0.1f}, w.read("double"));
      assertRefused(() -> w.read("ids"), "'ids' does not hold real numbers");
    }
  }

  @Test
  void infersTheConfiguration() {
    ModelConfig c = OnnxConfig.infer(Path.of("f"), open(bert().build()));
    assertEquals(5, c.vocabSize());
    assertEquals(8, c.hiddenSize());
    assertEquals(1, c.layers());
    assertEquals(2, c.heads());
    assertEquals(3, c.intermediateSize());
    assertEquals(6, c.maxPositions());
    assertEquals(1e-12f, c.layerNormEps());
  }

  @Test
  void asksForConfigJsonWhereTheGraphDoesNotTell() {
    byte[] bare =
        new OnnxBuilder()
            .initializer("embeddings.word_embeddings.weight", new int[] {5, 8}, new float[40])
            .build();
    assertRefused(
        () -> OnnxConfig.infer(Path.of("f"), open(bare)),
        "no embeddings.position_embeddings.weight",
        "config.json");
  }

  private static void notInferred(OnnxBuilder graph, String defect) {
    assertRefused(() -> OnnxConfig.infer(Path.of("f"), open(graph.build())), "f: ", defect);
  }

  @Test
  void refusesSizesThatNoModelHas() {
    notInferred(
        bert().initializer("encoder.layer.9999.x", new int[] {1}, 1), "10000 layers are too many");
    // A name alone: whole numbers need no data to be listed.
    String words = "embeddings.word_embeddings.weight";
    for (int[] shape : new int[][] {{5, 0}, {1 << 30, 8}, {5, 1 << 30}}) {
      byte[] tensor = OnnxBuilder.tensor("bert." + words, shape, 7, 9, new byte[0]);
      notInferred(withoutWords(1e-12f).initializer(tensor), "it has no " + words);
    }
    byte[] wide = OnnxBuilder.tensor(words, new int[] {5, 1 << 24}, 7, 9, new byte[0]);
    notInferred(withoutWords(1e-12f).initializer(wide), "parameters is too large");
  }

  @ParameterizedTest
  @ValueSource(floats = {0f, -1e-12f, Float.NaN, Float.POSITIVE_INFINITY})
  void refusesAnEpsilonThatIsNotAboveZero(float epsilon) {
    notInferred(bert(epsilon), "no constant epsilon above 0");
  }

  @Test
  void refusesWeightsKeptElsewhere() {
    byte[] location = {0x70, 0x01}; // data_location = EXTERNAL
    byte[] tensor =
        OnnxBuilder.concat(OnnxBuilder.tensor("a", new int[] {1}, 1, 9, new byte[4]), location);
    assertRefused(
        () -> open(new OnnxBuilder().initializer(tensor).build()), "kept in another file");
    byte[] entry =
        OnnxBuilder.concat(
            OnnxBuilder.tensor("a", new int[] {1}, 1, 9, new byte[0]),
            OnnxBuilder.message(13, new byte[0]));
    assertRefused(() -> open(new OnnxBuilder().initializer(entry).build()), "kept in another file");
  }

  @Test
  void refusesDataOfAnotherSize() {
    assertRefused(
        () -> open(new OnnxBuilder().initializer("a", new int[] {3}, 1, 2).build()),
        "'a': 8 bytes of data where its shape and type need 12");
    assertRefused(
        () ->
            open(
                new OnnxBuilder()
                    .initializer("a", new int[] {1 << 30, 1 << 30, 1 << 30}, 1)
                    .build()),
        "overflows");
    assertRefused(
        () -> open(new OnnxBuilder().initializer("a", new int[] {-1}, 1).build()), "overflows");
  }

  @Test
  void refusesTwoOfOneName() {
    assertRefused(
        () ->
            open(
                new OnnxBuilder()
                    .initializer("a", new int[] {1}, 1)
                    .initializer("a", new int[] {1}, 1)
                    .build()),
        "two initializers are named 'a'");
  }

  @Test
  void refusesWhatIsNoOnnx() {
    assertRefused(() -> open(new byte[0]), "no initializers");
    assertRefused(() -> open("hello world".getBytes()), "not a well-formed ONNX file");
    byte[] file = bert().build();
    for (int length = 3; length < file.length; length += 7) {
      byte[] cut = java.util.Arrays.copyOf(file, length);
      assertRefused(() -> open(cut), "not a well-formed ONNX file");
    }
  }
}
