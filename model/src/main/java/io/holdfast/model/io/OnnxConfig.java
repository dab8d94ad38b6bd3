package io.holdfast.model.io;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.ModelConfig;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The configuration of an exported BERT encoder that came without config.json, read off its
 * tensors: sizes from shapes, the head size from the divisor of the scores (its square), the
 * epsilon from the LayerNorm. What a graph for inference does not hold, the dropout, is BERT's 0.1.
 */
final class OnnxConfig {

  private static final Pattern LAYER =
      Pattern.compile("(?:.*\\.)?encoder\\.layer\\.(\\d{1,4})\\..*");
  private static final float DROPOUT = 0.1f;
  private static final float INITIALIZER_RANGE = 0.02f;

  private final Path file;
  private final OnnxWeights weights;

  private OnnxConfig(Path file, OnnxWeights weights) {
    this.file = file;
    this.weights = weights;
  }

  static ModelConfig infer(Path file, OnnxWeights weights) {
    return new OnnxConfig(file, weights).infer();
  }

  private ModelConfig infer() {
    int[] words = shape("embeddings.word_embeddings.weight", 2);
    int[] positions = shape("embeddings.position_embeddings.weight", 2);
    int[] types = shape("embeddings.token_type_embeddings.weight", 2);
    if (types[0] < 2) {
      throw bad("it has one token type, so it is not a BERT");
    }
    int hidden = words[1];
    ModelConfig config =
        new ModelConfig(
            ModelConfig.Architecture.BERT,
            words[0],
            hidden,
            layers(),
            heads(hidden),
            shape("encoder.layer.0.intermediate.dense.bias", 1)[0],
            positions[0],
            types[0],
            epsilon(),
            DROPOUT,
            DROPOUT,
            DROPOUT,
            INITIALIZER_RANGE,
            0,
            ModelConfig.HeadInit.HUGGINGFACE,
            false,
            List.of("LABEL_0", "LABEL_1"));
    ConfigJson.checkSize(config, this::bad);
    return config;
  }

  private float epsilon() {
    float epsilon = (float) weights.layerNormEpsilon().orElse(Double.NaN);
    if (!(epsilon > 0 && epsilon <= Float.MAX_VALUE)) {
      throw bad("its LayerNorm has no constant epsilon above 0");
    }
    return epsilon;
  }

  private int layers() {
    int layers = 0;
    for (String name : weights.shapes().keySet()) {
      Matcher layer = LAYER.matcher(name);
      if (layer.matches()) {
        layers = Math.max(layers, Integer.parseInt(layer.group(1)) + 1);
      }
    }
    if (layers > ConfigJson.MAX_LAYERS) {
      throw bad(layers + " layers are too many");
    }
    return layers;
  }

  private int heads(int hidden) {
    OptionalDouble divisor = weights.scoreDivisor();
    double square = divisor.orElse(0) * divisor.orElse(0);
    int size = (int) Math.round(square);
    if (size < 1 || Math.abs(square - size) > 1e-3 * size || hidden % size != 0) {
      throw bad("its scores are not divided by the root of a head size");
    }
    return hidden / size;
  }

  private int[] shape(String name, int dimensions) {
    int[] bare = weights.shapes().get(name);
    int[] shape = bare == null ? weights.shapes().get("bert." + name) : bare;
    if (shape != null
        && shape.length == dimensions
        && Arrays.stream(shape).allMatch(size -> size > 0 && size <= ConfigJson.MAX_SIZE)) {
      return shape;
    }
    throw bad("it has no " + name);
  }

  private HoldfastException bad(String why) {
    return new HoldfastException(
        HoldfastException.Kind.MODEL_FILE,
        file + ": " + why + "; put the model's config.json beside it");
  }
}
