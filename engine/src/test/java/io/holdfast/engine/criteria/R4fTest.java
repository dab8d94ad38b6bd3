package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.SpectralNorm.Mode;
import io.holdfast.model.SpectralNorm.Scope;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the norm changes, when its vectors move, and what is left of it in the weights. */
class R4fTest {

  private static final Key KEY = Key.of(31);
  private static final Key STEP = Key.of(32).at(1);
  private static final ModelConfig CONFIG = TinyModels.config(Architecture.BERT, 3);
  private static final List<String> MATRICES =
      List.of("bert.pooler.dense.weight", "classifier.weight");
  private static final PackedBatch BATCH = TinyModels.batch(CONFIG, KEY, 3, 9, 1, 5);

  private static R4f r4f(Scope scope, Mode mode) {
    return new R4f(R3fOptions.defaults(), new R4fOptions(scope, mode, 1));
  }

  private static Parameters attach(R4f criterion, TestModel m) {
    return criterion.takeState(m.kernels, m.activations, m.model, KEY).get("spectral_norm");
  }

  private static LossReport accumulate(Criterion criterion, TestModel m) {
    Pass pass = new Pass(m.kernels, m.activations, STEP, true, true);
    return criterion.accumulate(m.model, pass, BATCH, 0.25f, m.gradients);
  }

  private static void scale(TestModel m, String name, double factor) {
    double[] values = m.values(m.weights.get(name));
    float[] scaled = new float[values.length];
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] = (float) (factor * values[i]);
    }
    m.kernels.upload(m.weights.get(name), scaled, 0);
  }

  /**
   * Entries are within ±0.5, so that a tenth of a matrix has norms below 0.05 · √(16 · 16) = 0.8.
   */
  @Test
  void atMostOneLeavesSmallMatricesAlone() {
    double[][] gradients = new double[2][];
    LossReport[] reports = new LossReport[2];
    for (int i = 0; i < 2; i++) {
      try (TestModel m = new TestModel(new CpuKernels(1, Precision.FP32), CONFIG, KEY)) {
        MATRICES.forEach(name -> scale(m, name, 0.1));
        Criterion criterion = new R3f(R3fOptions.defaults());
        if (i == 1) {
          criterion = r4f(Scope.HEAD, Mode.AT_MOST);
          attach((R4f) criterion, m);
        }
        reports[i] = accumulate(criterion, m);
        gradients[i] = m.values(m.gradients.block());
      }
    }
    assertArrayEquals(gradients[0], gradients[1]);
    assertEquals(reports[0], reports[1]);
  }

  /** W / (uᵀ·W·v) does not change with the length of W: nor does the loss, and it has no slope. */
  @Test
  void theLengthOfANormalisedMatrixDoesNotMatter() {
    try (TestModel m = new TestModel(new ReferenceKernels(), CONFIG, KEY)) {
      R4f criterion = r4f(Scope.HEAD, Mode.EQUAL);
      attach(criterion, m);
      double loss = accumulate(criterion, m).loss();
      for (String name : MATRICES) {
        double[] w = m.values(m.weights.get(name));
        double[] g = m.values(m.gradients.get(name));
        double along = 0;
        double size = 0;
        for (int i = 0; i < w.length; i++) {
          along += w[i] * g[i];
          size += Math.abs(w[i] * g[i]);
        }
        assertEquals(0, along, 1e-12 * size, name);
        scale(m, name, 3);
      }
      assertEquals(loss, accumulate(criterion, m).loss(), 1e-6 * loss);
    }
  }

  @Test
  void theVectorsMoveOnceAnUpdateAndNotInBetween() {
    try (TestModel m = new TestModel(new CpuKernels(1, Precision.FP32), CONFIG, KEY)) {
      R4f criterion = r4f(Scope.HEAD, Mode.EQUAL);
      Parameters vectors = attach(criterion, m);
      double[] start = m.values(vectors.block());
      accumulate(criterion, m);
      logits(m, m.model);
      assertArrayEquals(start, m.values(vectors.block()));
      criterion.beginUpdate(m.kernels);
      assertFalse(Arrays.equals(start, m.values(vectors.block())));
    }
  }

  @ParameterizedTest
  @EnumSource(Mode.class)
  void aMatrixOfZerosIsNamed(Mode mode) {
    try (TestModel m = new TestModel(new CpuKernels(1, Precision.FP32), CONFIG, KEY)) {
      R4f criterion = r4f(Scope.OUT_PROJ, mode);
      attach(criterion, m);
      criterion.beginUpdate(m.kernels);
      scale(m, "classifier.weight", 0);
      HoldfastException e =
          assertThrows(HoldfastException.class, () -> criterion.beginUpdate(m.kernels));
      assertEquals(HoldfastException.Kind.DIVERGED, e.kind());
      String said = "classifier.weight: its largest singular value is 0,";
      assertTrue(e.getMessage().startsWith(said), e.getMessage());
    }
  }

  /** They are drawn from the key, and have length 1. */
  @Test
  void theVectorsAreTheKeys() {
    try (TestModel m = new TestModel(new CpuKernels(1, Precision.FP32), CONFIG, KEY)) {
      Parameters first = attach(r4f(Scope.HEAD, Mode.EQUAL), m);
      Parameters again = attach(r4f(Scope.HEAD, Mode.EQUAL), m);
      assertArrayEquals(m.values(first.block()), m.values(again.block()));
      assertEquals(4, first.layout().entries().size());
      for (ParameterLayout.Entry entry : first.layout().entries()) {
        double squares = m.kernels.sumOfSquares(first.get(entry));
        assertEquals(1, squares, 1e-6, entry.name());
      }
      Key other = Key.of(33);
      Parameters drawn =
          r4f(Scope.HEAD, Mode.EQUAL)
              .takeState(m.kernels, m.activations, m.model, other)
              .get("spectral_norm");
      assertFalse(Arrays.equals(m.values(first.block()), m.values(drawn.block())));
    }
  }

  @ParameterizedTest
  @EnumSource(Scope.class)
  void foldedWeightsGiveTheSameLogitsToAnyReader(Scope scope) {
    try (TestModel m = new TestModel(new CpuKernels(1, Precision.FP32), CONFIG, KEY)) {
      double[] raw = logits(m, m.model);
      attach(r4f(scope, Mode.EQUAL), m);
      double[] normalised = logits(m, m.model);
      assertFalse(Arrays.equals(raw, normalised));
      m.model.foldNorm(m.kernels);
      assertArrayEquals(normalised, logits(m, m.model));
      assertArrayEquals(normalised, logits(m, new SequenceClassifier(CONFIG, m.weights)));
    }
  }

  private static double[] logits(TestModel m, SequenceClassifier model) {
    Kernels k = m.kernels;
    Pass pass = new Pass(k, m.activations, STEP, false, false);
    try (var scope = m.activations.open()) {
      DeviceBatch device = m.upload(BATCH);
      Tensor logits = model.infer(pass, device, model.embedWords(pass, device));
      return m.values(logits);
    }
  }
}
