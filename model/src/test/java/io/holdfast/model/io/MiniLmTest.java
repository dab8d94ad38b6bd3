package io.holdfast.model.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.text.Encoding;
import io.holdfast.model.text.Tokenizer;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The real all-MiniLM-L6-v2, as the build fetched it. */
class MiniLmTest {

  @BeforeAll
  static void needsTheModel() {
    Assumptions.assumeTrue(
        Files.exists(Assets.folder().resolve("minilm/model.onnx")),
        "the build has not fetched all-MiniLM-L6-v2");
  }

  @Test
  void configurationIsReadOffTheGraph() {
    try (ModelFolder folder = ModelFolder.open(Assets.model("minilm"))) {
      ModelConfig c = folder.config();
      assertEquals(ModelConfig.Architecture.BERT, c.architecture());
      assertEquals(30522, c.vocabSize());
      assertEquals(384, c.hiddenSize());
      assertEquals(6, c.layers());
      assertEquals(12, c.heads());
      assertEquals(1536, c.intermediateSize());
      assertEquals(512, c.maxPositions());
      assertEquals(2, c.typeVocabSize());
      assertEquals(1e-12f, c.layerNormEps());
    }
  }

  @Test
  void everyEncoderTensorHasItsHuggingFaceNameAndShape() {
    try (ModelFolder folder = ModelFolder.open(Assets.model("minilm"))) {
      Set<String> expected = new HashSet<>();
      for (ParameterLayout.Entry e : ParameterLayout.of(folder.config()).entries()) {
        if (e.name().startsWith("bert.")) {
          String name = e.name().substring("bert.".length());
          expected.add(name);
          assertArrayEquals(WeightLoader.shape(e), folder.tensors().shapes().get(name), name);
        }
      }
      expected.add("embeddings.position_ids");
      assertEquals(expected, folder.tensors().shapes().keySet());
    }
  }

  @Test
  void linearWeightsAreTransposedBack() {
    // The first product's weight is stored [in, out]; element (o, i) here is element (i, o) there.
    try (OnnxWeights weights = OnnxWeights.open(Assets.model("minilm").resolve("model.onnx"))) {
      float[] up = weights.read("encoder.layer.0.intermediate.dense.weight");
      assertArrayEquals(
          new int[] {1536, 384}, weights.shapes().get("encoder.layer.0.intermediate.dense.weight"));
      assertEquals(1536 * 384, up.length);
      assertTrue(up[1] != up[1536]);
    }
  }

  @Test
  void tokensAreThoseOfHuggingFace() {
    try (ModelFolder folder = ModelFolder.open(Assets.model("minilm"));
        Tokenizer tokenizer = folder.tokenizer()) {
      assertEquals(30522, tokenizer.vocabSize());
      Encoding e = tokenizer.encode("This is an example sentence", null, 128);
      assertArrayEquals(new int[] {101, 2023, 2003, 2019, 2742, 6251, 102}, e.ids());
      assertArrayEquals(new int[7], e.types());
      assertEquals(7, e.fullLength());
      Encoding pair = tokenizer.encode("This is", "an example", 128);
      assertArrayEquals(new int[] {101, 2023, 2003, 102, 2019, 2742, 102}, pair.ids());
      assertArrayEquals(new int[] {0, 0, 0, 0, 1, 1, 1}, pair.types());
    }
  }
}
