package io.holdfast.model.io;

import static io.holdfast.model.io.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.TinyModels;
import io.holdfast.model.files.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ModelFolderTest {

  @TempDir Path folder;

  private final Kernels kernels = new ReferenceKernels();
  private final Arena arena = new Arena(kernels, 4 << 20);

  @AfterEach
  void close() {
    arena.close();
    kernels.close();
  }

  private Parameters random(ModelConfig config) {
    Parameters weights = new Parameters(ParameterLayout.of(config), arena, kernels.real());
    TinyModels.randomise(kernels, weights, Key.of(5));
    return weights;
  }

  private float[] values(Parameters weights, String name) {
    float[] values = new float[Math.toIntExact(weights.get(name).elements())];
    kernels.download(values, 0, weights.get(name));
    return values;
  }

  /** A checkpoint of {@code weights} with each tensor renamed; a null name leaves it out. */
  private void write(ModelConfig config, Parameters weights, UnaryOperator<String> rename)
      throws IOException {
    Map<String, String> names = new LinkedHashMap<>();
    Map<String, int[]> shapes = new LinkedHashMap<>();
    for (ParameterLayout.Entry e : weights.layout().entries()) {
      String name = rename.apply(e.name());
      if (name != null) {
        names.put(name, e.name());
        shapes.put(name, WeightLoader.shape(e));
      }
    }
    Safetensors.write(
        folder.resolve("model.safetensors"), shapes, n -> values(weights, names.get(n)));
    Files.writeString(
        folder.resolve("config.json"),
        StrictJson.print(ConfigJson.write(config, StrictJson.newObject())));
  }

  private LoadReport load(Parameters into) {
    try (ModelFolder f = ModelFolder.open(folder)) {
      return f.loadInto(into, kernels);
    }
  }

  private void assertEqualBlocks(Parameters expected, Parameters actual, Set<String> except) {
    for (ParameterLayout.Entry e : expected.layout().entries()) {
      if (!except.contains(e.name())) {
        assertArrayEquals(values(expected, e.name()), values(actual, e.name()), e.name());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void loadsWhatItSaved(Architecture architecture) throws IOException {
    ModelConfig config = TinyModels.config(architecture, 3);
    Parameters weights = random(config);
    write(config, weights, name -> name);
    Parameters loaded = new Parameters(weights.layout(), arena, kernels.real());
    LoadReport report = load(loaded);
    assertEquals(new LoadReport(Set.of(), List.of()), report);
    assertEqualBlocks(weights, loaded, Set.of());
    try (ModelFolder f = ModelFolder.open(folder)) {
      assertEquals(config, f.config());
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void findsOldNamesWithoutPrefix(Architecture architecture) throws IOException {
    ModelConfig config = TinyModels.config(architecture, 2);
    Parameters weights = random(config);
    write(
        config,
        weights,
        name ->
            name.startsWith("classifier")
                ? null
                : name.replaceFirst("^(bert|roberta)\\.", "")
                    .replace("LayerNorm.weight", "LayerNorm.gamma")
                    .replace("LayerNorm.bias", "LayerNorm.beta"));
    Parameters loaded = new Parameters(weights.layout(), arena, kernels.real());
    LoadReport report = load(loaded);
    Set<String> head =
        architecture == Architecture.BERT
            ? Set.of("classifier.weight", "classifier.bias")
            : Set.of(
                "classifier.dense.weight",
                "classifier.dense.bias",
                "classifier.out_proj.weight",
                "classifier.out_proj.bias");
    assertEquals(new LoadReport(head, List.of()), report);
    assertEqualBlocks(weights, loaded, head);
  }

  @Test
  void aHeadOfOtherClassesIsReported() throws IOException {
    ModelConfig three = TinyModels.config(Architecture.ROBERTA, 3);
    write(three, random(three), name -> name);
    ModelConfig two = TinyModels.config(Architecture.ROBERTA, 2);
    LoadReport report = load(random(two));
    assertEquals(Set.of("classifier.out_proj.weight", "classifier.out_proj.bias"), report.absent());
  }

  @Test
  void theRootIsNoModel() {
    HoldfastException e =
        assertThrows(HoldfastException.class, () -> ModelFolder.open(Path.of("/")));
    assertEquals(HoldfastException.Kind.MODEL_FILE, e.kind());
  }

  @Test
  void extrasAreReported() throws IOException {
    ModelConfig config = TinyModels.config(Architecture.ROBERTA, 2);
    write(config, random(config), name -> name.replace("classifier.dense", "lm_head.dense"));
    LoadReport report = load(random(config));
    assertEquals(List.of("lm_head.dense.bias", "lm_head.dense.weight"), report.ignored());
  }

  @Test
  void robertaWithoutTokenTypesHasZeros() throws IOException {
    ModelConfig config = TinyModels.config(Architecture.ROBERTA, 2);
    String types = "roberta.embeddings.token_type_embeddings.weight";
    write(config, random(config), name -> name.equals(types) ? null : name);
    Parameters loaded = random(config);
    load(loaded);
    assertArrayEquals(new float[16], values(loaded, types));
  }

  @Test
  void anAbsentEncoderTensorIsNamed() throws IOException {
    ModelConfig config = TinyModels.config(Architecture.BERT, 2);
    String lost = "bert.encoder.layer.1.attention.self.key.bias";
    write(config, random(config), name -> name.equals(lost) ? null : name);
    assertRefused(() -> load(random(config)), "have no " + lost);
  }

  @Test
  void aShapeThatDisagreesIsNamed() throws IOException {
    ModelConfig config = TinyModels.config(Architecture.BERT, 2);
    write(
        config,
        random(config),
        name ->
            name.replace("word_embeddings", "WORDS")
                .replace("position_embeddings", "word_embeddings")
                .replace("WORDS", "position_embeddings"));
    assertRefused(
        () -> load(random(config)),
        "bert.embeddings.word_embeddings.weight has shape [24, 16]",
        "asks for [50, 16]");
  }

  @Test
  void aValueThatIsNotFiniteIsRefused() throws IOException {
    ModelConfig config = TinyModels.config(Architecture.BERT, 2);
    Parameters weights = random(config);
    float[] broken = values(weights, "bert.pooler.dense.bias");
    broken[3] = Float.NaN;
    kernels.upload(weights.get("bert.pooler.dense.bias"), broken, 0);
    write(config, weights, name -> name);
    assertRefused(() -> load(random(config)), "bert.pooler.dense.bias", "not finite");
  }

  @Test
  void saysWhatIsMissing() throws IOException {
    assertRefused(() -> ModelFolder.open(folder.resolve("none")), "no such model folder");
    assertRefused(() -> ModelFolder.open(folder), "no config.json");
    Files.writeString(folder.resolve("config.json"), "{\"model_type\":\"bert\"}");
    assertRefused(() -> ModelFolder.open(folder), "has no weights");
    Files.write(folder.resolve("pytorch_model.bin"), new byte[10]);
    assertRefused(() -> ModelFolder.open(folder), "pytorch_model.bin", "convert it");
  }

  @Test
  void aFailedWriteLeavesTheOldFile() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Safetensors.write(file, Map.of("x", new int[] {1}), name -> new float[] {7f});
    byte[] before = Files.readAllBytes(file);
    assertThrows(
        IllegalArgumentException.class,
        () -> Safetensors.write(file, Map.of("x", new int[] {2}), name -> new float[1]));
    assertArrayEquals(before, Files.readAllBytes(file));
    try (var files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList());
    }

    Path blocked = folder.resolve("blocked");
    Files.writeString(blocked, "a file where a folder is needed");
    HoldfastException e =
        assertThrows(
            HoldfastException.class,
            () ->
                Safetensors.write(
                    blocked.resolve("w"), Map.of("x", new int[] {1}), name -> new float[1]));
    assertEquals(HoldfastException.Kind.IO, e.kind());
  }

  @Test
  void savingTwiceGivesTheSameBytes() throws IOException {
    ModelConfig config = TinyModels.config(Architecture.BERT, 2);
    Parameters weights = random(config);
    ModelFolder.saveWeights(folder.resolve("a"), kernels, weights);
    ModelFolder.saveWeights(folder.resolve("b"), kernels, weights);
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("a")), Files.readAllBytes(folder.resolve("b")));
  }
}
