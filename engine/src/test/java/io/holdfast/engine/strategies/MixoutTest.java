package io.holdfast.engine.strategies;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.LossReport;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.TinyModels;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MixoutTest {

  private static final double P = 0.3;
  private static final ModelConfig CONFIG = TinyModels.config(ModelConfig.Architecture.BERT, 3);

  /** Keeps the weights it sees; every gradient is 1. */
  private final class Looks implements Criterion {
    private float[] seen;

    @Override
    public LossReport accumulate(
        SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
      seen = download(model.weights().block());
      float[] ones = new float[seen.length];
      Arrays.fill(ones, 1f);
      pass.kernels().upload(gradients.block(), ones, 0);
      return LossReport.EMPTY;
    }
  }

  private final Looks looks = new Looks();
  private final Criterion mixout = Mixout.around(looks, P);
  private Kernels k;
  private Arena arena;
  private Parameters weights;
  private Parameters gradients;
  private SequenceClassifier model;
  private float[] before;
  private float[] now;

  @BeforeEach
  void trained() {
    k = new CpuKernels(1, Precision.FP32);
    arena = new Arena(k, 1 << 22);
    ParameterLayout layout = ParameterLayout.of(CONFIG);
    weights = new Parameters(layout, arena, k.real());
    gradients = new Parameters(layout, arena, k.real());
    model = new SequenceClassifier(CONFIG, weights);
    TinyModels.randomise(k, weights, Key.of(1));
    before = download(weights.block());
    Map<String, Parameters> state = mixout.takeState(k, arena, model, Key.of(2));
    assertArrayEquals(before, download(state.get("pretrained").block()));
    TinyModels.randomise(k, weights, Key.of(3));
    now = download(weights.block());
  }

  @AfterEach
  void close() {
    arena.close();
    k.close();
  }

  private float[] download(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.elements())];
    k.download(values, 0, tensor);
    return values;
  }

  private void update(int step) {
    Pass pass = new Pass(k, arena, Key.of(5).at(step), true, true);
    mixout.accumulate(model, pass, null, 1f, gradients);
    mixout.endUpdate(pass, gradients);
  }

  private static boolean isMixed(ParameterLayout.Entry entry) {
    return entry.name().endsWith(".weight")
        && !entry.name().contains("LayerNorm")
        && !entry.name().contains("embeddings");
  }

  @Test
  void matricesAreMixedAndTheirGradientsAreThoseOfTheMixture() {
    update(0);
    float[] gradient = download(gradients.block());
    assertArrayEquals(now, download(weights.block()), "the weights themselves stay");
    int kept = 0;
    int mixed = 0;
    for (ParameterLayout.Entry entry : weights.layout().entries()) {
      for (long i = entry.start(); i < entry.start() + entry.elements(); i++) {
        int at = (int) i;
        if (!isMixed(entry)) {
          assertEquals(now[at], looks.seen[at], entry.name());
          assertEquals(1f, gradient[at], entry.name());
          continue;
        }
        mixed++;
        boolean keeps = gradient[at] != 0;
        kept += keeps ? 1 : 0;
        long top = entry.start() + (i - entry.start()) % entry.cols();
        assertEquals(gradient[Math.toIntExact(top)], gradient[at], "a column is one draw");
        double w = (now[at] - P * before[at]) / (1 - P);
        assertEquals(keeps ? w : before[at], looks.seen[at], 1e-6, entry.name());
        assertEquals(keeps ? 1 / (1 - P) : 0, gradient[at], 1e-6, entry.name());
      }
    }
    assertEquals(2 * (4 * 256 + 2 * 16 * 24) + 256 + 3 * 16, mixed);
    // Columns of 16 rows but for 2 · 16 of 24 and 16 of 3: a draw weighs as many elements.
    double squares = (2 * (4 * 16 + 24) + 16) * 16 * 16 + 2 * 16 * 24 * 24 + 16 * 3 * 3;
    double sd = Math.sqrt(P * (1 - P) * squares) / mixed;
    assertEquals(1 - P, (double) kept / mixed, 4 * sd);
  }

  /**
   * Var w' = p/(1−p)·(w − w₀)²; over all columns the mean of the normalised errors is N(0, 1/n).
   */
  @Test
  void theExpectationIsTheWeight() {
    int draws = 40;
    double[] sum = new double[now.length];
    for (int draw = 0; draw < draws; draw++) {
      update(draw);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += looks.seen[i] / (double) draws;
      }
    }
    double normalised = 0;
    double square = 0;
    int n = 0;
    for (ParameterLayout.Entry entry : weights.layout().entries()) {
      for (long i = entry.start(); isMixed(entry) && i < entry.start() + entry.cols(); i++) {
        int at = (int) i;
        double sd = Math.sqrt(P / (1 - P) / draws) * (now[at] - before[at]);
        if (Math.abs(sd) > 1e-4) {
          double z = (sum[at] - now[at]) / sd;
          normalised += z;
          square += z * z;
          n++;
        }
      }
    }
    assertTrue(n > 220, "columns, of 2 · (5 · 16 + 24) + 2 · 16 = 240: " + n);
    assertEquals(0, normalised / n, 4 / Math.sqrt(n));
    // z² has mean 1 and, with 40 Bernoulli draws each, a variance close to 2.
    assertEquals(1, square / n, 4 * Math.sqrt(2.0 / n) + 0.01);
  }

  @Test
  void aDrawHoldsForTheUpdateAndNotForTheNext() {
    update(0);
    float[] first = looks.seen;
    update(0);
    assertArrayEquals(first, looks.seen);
    update(1);
    int same = 0;
    int n = 0;
    for (ParameterLayout.Entry entry : weights.layout().entries()) {
      for (long i = entry.start(); isMixed(entry) && i < entry.start() + entry.cols(); i++) {
        same += first[(int) i] == looks.seen[(int) i] ? 1 : 0;
        n++;
      }
    }
    assertEquals(240, n);
    // Two independent draws agree with probability p² + (1−p)².
    double agree = P * P + (1 - P) * (1 - P);
    assertEquals(agree, (double) same / n, 4 * Math.sqrt(agree * (1 - agree) / n));
  }

  @Test
  void ofProbabilityZeroItIsTheCriterionItself() {
    assertSame(looks, Mixout.around(looks, 0));
  }
}
