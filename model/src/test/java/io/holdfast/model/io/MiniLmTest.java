package io.holdfast.model.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.text.Encoding;
import io.holdfast.model.text.Tokenizer;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  /**
   * The model card's first example. The published values are those of the tokens' mean, brought to
   * length 1.
   */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu"})
  void embedsAsPublished(String backend) {
    float[] expected = {0.06765688f, 0.06349591f, 0.04871309f, 0.07930497f, 0.03744806f};
    try (ModelFolder folder = ModelFolder.open(Assets.model("minilm"));
        Tokenizer tokenizer = folder.tokenizer();
        Kernels kernels = open(backend)) {
      ModelConfig config = folder.config();
      ParameterLayout layout = ParameterLayout.of(config);
      try (Arena blocks = new Arena(kernels, layout.elements() * kernels.real().bytes() + 64);
          Arena activations = new Arena(kernels, 16 << 20)) {
        Parameters weights = new Parameters(layout, blocks, kernels.real());
        kernels.zero(weights.block());
        LoadReport report = folder.loadInto(weights, kernels);
        assertEquals(Set.of("classifier.weight", "classifier.bias"), report.absent());
        assertEquals(List.of("embeddings.position_ids"), report.ignored());

        int[] ids = tokenizer.encode("This is an example sentence", null, 128).ids();
        int n = ids.length;
        PackedBatch packed =
            new PackedBatch(ids, new int[n], new int[] {0, n}, new int[] {0}, new int[] {0}, null);
        Pass pass = new Pass(kernels, activations, Key.of(0), false, false);
        DeviceBatch batch = DeviceBatch.upload(kernels, activations, config, packed);
        SequenceClassifier model = new SequenceClassifier(config, weights);
        Tensor hidden = model.encode(pass, batch, model.embedWords(pass, batch));
        float[] embedding = normalisedMean(kernels, hidden);
        for (int i = 0; i < expected.length; i++) {
          assertEquals(expected[i], embedding[i], 1e-5f, "element " + i);
        }
      }
    }
  }

  private static Kernels open(String backend) {
    return backend.equals("reference")
        ? new ReferenceKernels()
        : Backends.open(backend, 2, Precision.FP32);
  }

  private static float[] normalisedMean(Kernels kernels, Tensor hidden) {
    float[] values = new float[Math.toIntExact(hidden.elements())];
    kernels.download(values, 0, hidden);
    int width = hidden.cols();
    double[] sum = new double[width];
    for (int i = 0; i < values.length; i++) {
      sum[i % width] += values[i];
    }
    double length = Math.sqrt(Arrays.stream(sum).map(x -> x * x).sum());
    float[] mean = new float[width];
    for (int i = 0; i < width; i++) {
      mean[i] = (float) (sum[i] / length);
    }
    return mean;
  }

  @Test
  void tokensAreThoseOfHuggingFace() {
    try (ModelFolder folder = ModelFolder.open(Assets.model("minilm"));
        Tokenizer tokenizer = folder.tokenizer()) {
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
