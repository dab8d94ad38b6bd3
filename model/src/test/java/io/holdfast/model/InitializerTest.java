package io.holdfast.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Key;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.ModelConfig.HeadInit;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class InitializerTest {

  private static final Key KEY = Key.of(21);

  private static ModelConfig config(HeadInit init) {
    List<String> labels = List.of("a", "b", "c");
    ModelConfig c = TinyModels.config(Architecture.ROBERTA, 400, 64, 1, false, labels);
    return new ModelConfig(
        c.architecture(),
        c.vocabSize(),
        c.hiddenSize(),
        c.layers(),
        c.heads(),
        c.intermediateSize(),
        c.maxPositions(),
        c.typeVocabSize(),
        c.layerNormEps(),
        c.hiddenDropout(),
        c.attentionDropout(),
        c.classifierDropout(),
        0.05f,
        c.padTokenId(),
        init,
        c.regression(),
        c.labels());
  }

  private static TestModel open(HeadInit init) {
    return new TestModel(new ReferenceKernels(), config(init), KEY);
  }

  private static double[] values(TestModel m, String name) {
    return m.values(m.weights.get(name));
  }

  @Test
  void huggingFaceDrawsNormalWeights() {
    try (TestModel m = open(HeadInit.HUGGINGFACE)) {
      Initializer.all(m.kernels, m.config, m.weights, KEY);
      double[] words = values(m, "roberta.embeddings.word_embeddings.weight");
      isNormal(words, 0.05);
      isNormal(values(m, "classifier.dense.weight"), 0.05);
      isNormal(values(m, "roberta.encoder.layer.0.intermediate.dense.weight"), 0.05);
      for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
        if (entry.vector()) {
          double[] constant = new double[entry.cols()];
          Arrays.fill(constant, entry.name().endsWith("LayerNorm.weight") ? 1 : 0);
          assertArrayEquals(constant, m.values(m.weights.get(entry)), entry.name());
        }
      }
    }
  }

  /** Mean, variance, kurtosis and share beyond 2 s.d. within four standard errors. */
  private static void isNormal(double[] x, double sd) {
    int n = x.length;
    double mean = Arrays.stream(x).sum() / n;
    double second = Arrays.stream(x).map(v -> v * v).sum() / n / (sd * sd);
    double fourth = Arrays.stream(x).map(v -> v * v * v * v).sum() / n / Math.pow(sd, 4);
    double beyond = (double) Arrays.stream(x).filter(v -> Math.abs(v) > 2 * sd).count() / n;
    double root = Math.sqrt(n);
    assertEquals(0, mean, 4 * sd / root);
    assertEquals(1, second, 4 * Math.sqrt(2) / root);
    assertEquals(3, fourth, 4 * Math.sqrt(96) / root);
    assertEquals(0.0455, beyond, 4 * Math.sqrt(0.0455 * 0.9545) / root);
    assertEquals(n, Arrays.stream(x).distinct().count(), n / 100.0);
  }

  @Test
  void fairseqDrawsUniformHeadWeightsAndBiases() {
    try (TestModel m = open(HeadInit.FAIRSEQ)) {
      Initializer.all(m.kernels, m.config, m.weights, KEY);
      double bound = 1 / Math.sqrt(64);
      isUniform(values(m, "classifier.dense.weight"), bound);
      isUniform(values(m, "classifier.dense.bias"), bound);
      isUniform(values(m, "classifier.out_proj.weight"), bound);
      for (double bias : values(m, "classifier.out_proj.bias")) {
        assertTrue(bias != 0 && Math.abs(bias) <= bound, "" + bias);
      }
    }
  }

  /** Within the bound and close to it; mean and variance within four standard errors. */
  private static void isUniform(double[] x, double bound) {
    double root = Math.sqrt(x.length);
    double largest = Arrays.stream(x).map(Math::abs).max().orElseThrow();
    double mean = Arrays.stream(x).sum() / x.length / bound;
    double second = Arrays.stream(x).map(v -> v * v).sum() / x.length / (bound * bound);
    assertTrue(largest <= bound && largest > 0.9 * bound, "" + largest);
    assertEquals(0, mean, 4 * Math.sqrt(1 / 3.0) / root);
    assertEquals(1 / 3.0, second, 4 * Math.sqrt(4 / 45.0) / root);
  }

  @Test
  void aTensorIsAFunctionOfKeyAndName() {
    try (TestModel a = open(HeadInit.HUGGINGFACE);
        TestModel b = open(HeadInit.HUGGINGFACE)) {
      Initializer.all(a.kernels, a.config, a.weights, KEY);
      ParameterLayout.Entry entry = b.weights.layout().entry("classifier.dense.weight");
      Initializer.tensor(b.kernels, b.config, b.weights, entry, KEY);
      double[] dense = values(a, "classifier.dense.weight");
      assertArrayEquals(dense, values(b, "classifier.dense.weight"));
      Initializer.tensor(b.kernels, b.config, b.weights, entry, KEY.at(1));
      assertFalse(Arrays.equals(dense, values(b, "classifier.dense.weight")));
      double[] query = values(a, "roberta.encoder.layer.0.attention.self.query.weight");
      assertFalse(Arrays.equals(dense, query));
    }
  }
}
