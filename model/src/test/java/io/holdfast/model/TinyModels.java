package io.holdfast.model;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Philox;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.ModelConfig.HeadInit;
import java.util.List;
import java.util.stream.IntStream;

/** Small random models and batches for tests. */
public final class TinyModels {

  private TinyModels() {}

  /** Two layers, two heads, V 50, H 16, F 24, inputs of up to 24 tokens, dropout 0.1 everywhere. */
  public static ModelConfig config(Architecture architecture, int classes) {
    List<String> labels = IntStream.range(0, classes).mapToObj(c -> "class" + c).toList();
    return config(architecture, 50, 16, 2, false, labels);
  }

  /** As {@link #config}, with one output that is a value. */
  public static ModelConfig regression(Architecture architecture) {
    return config(architecture, 50, 16, 2, true, List.of("value"));
  }

  static ModelConfig config(
      Architecture architecture,
      int vocabSize,
      int hidden,
      int layers,
      boolean regression,
      List<String> labels) {
    boolean bert = architecture == Architecture.BERT;
    return new ModelConfig(
        architecture,
        vocabSize,
        hidden,
        layers,
        2,
        hidden * 3 / 2,
        bert ? 24 : 26,
        bert ? 2 : 1,
        bert ? 1e-12f : 1e-5f,
        0.1f,
        0.1f,
        0.1f,
        0.02f,
        bert ? 0 : 1,
        HeadInit.HUGGINGFACE,
        regression,
        labels);
  }

  /**
   * Weights with which every part of the model matters: matrices within ±0.5, biases within ±0.3,
   * LayerNorm factors within 1 ± 0.3.
   */
  public static void randomise(Kernels kernels, Parameters weights, Key key) {
    for (ParameterLayout.Entry entry : weights.layout().entries()) {
      float[] values = new float[Math.toIntExact(entry.elements())];
      Key own = key.at(entry.name().hashCode());
      for (int i = 0; i < values.length; i++) {
        float u = 2 * Philox.uniform(Philox.word(own, 0, 0, i, 0)) - 1;
        boolean factor = entry.name().endsWith("LayerNorm.weight");
        values[i] = factor ? 1 + 0.3f * u : (entry.vector() ? 0.3f : 0.5f) * u;
      }
      kernels.upload(weights.get(entry), values, 0);
    }
  }

  /**
   * Random tokens (never the padding token), types and labels or targets; the sequences draw from
   * streams 100, 101, ….
   */
  public static PackedBatch batch(ModelConfig config, Key key, int... lengths) {
    int[] starts = new int[lengths.length + 1];
    for (int b = 0; b < lengths.length; b++) {
      starts[b + 1] = starts[b] + lengths[b];
    }
    int[] tokens = new int[starts[lengths.length]];
    int[] types = new int[tokens.length];
    for (int t = 0; t < tokens.length; t++) {
      tokens[t] = 2 + below(config.vocabSize() - 2, key, 0, t);
      types[t] = below(config.typeVocabSize(), key, 1, t);
    }
    int[] streams = new int[lengths.length];
    int[] labels = new int[lengths.length];
    float[] targets = new float[lengths.length];
    for (int b = 0; b < lengths.length; b++) {
      streams[b] = 100 + b;
      labels[b] = below(config.outputs(), key, 2, b);
      targets[b] = 2 * Philox.uniform(Philox.word(key, 3, b, 0, 0)) - 1;
    }
    return config.regression()
        ? new PackedBatch(tokens, types, starts, streams, null, targets)
        : new PackedBatch(tokens, types, starts, streams, labels, null);
  }

  private static int below(int bound, Key key, int stream, int position) {
    return (Philox.word(key, stream, position, 0, 0) >>> 1) % bound;
  }

  /** Sequence {@code b} of a batch, alone. */
  public static PackedBatch single(PackedBatch batch, int b) {
    int from = batch.starts()[b];
    int to = batch.starts()[b + 1];
    return new PackedBatch(
        java.util.Arrays.copyOfRange(batch.tokens(), from, to),
        java.util.Arrays.copyOfRange(batch.types(), from, to),
        new int[] {0, to - from},
        new int[] {batch.streams()[b]},
        batch.labels() == null ? null : new int[] {batch.labels()[b]},
        batch.targets() == null ? null : new float[] {batch.targets()[b]});
  }
}
