package io.holdfast.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cuda.EmulatedCuda;
import io.holdfast.kernels.reference.ReferenceKernels;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Logits, losses, every gradient and ten training losses against Hugging Face transformers and
 * torch. The goldens were computed in double from fp32 weights and padded batches; here the same
 * batches are packed.
 */
class GoldenTest {

  private static final int STEPS = 10;

  /**
   * How near a backend has to come.
   *
   * @param absolute of logits and losses
   * @param relative of gradients, in L2 per tensor
   */
  private record Tolerance(double absolute, double relative) {}

  private static final Tolerance FP32 = new Tolerance(1e-5, 1e-5);

  /** Room for the fp32 in which golden gradients, and for one of LayerNorm's 1e-5, are stored. */
  private static final Tolerance DOUBLE = new Tolerance(1e-7, 2e-7);

  static Stream<Arguments> models() {
    return Stream.of(
            "roberta-classes2",
            "roberta-fairseq-classes3",
            "roberta-regression",
            "bert-classes3",
            "bert-regression")
        .flatMap(
            name ->
                Stream.of(
                    backend(name, "reference", ReferenceKernels::new, DOUBLE),
                    backend(name, "cpu", () -> Backends.open("cpu", 2, Precision.FP32), FP32),
                    backend(name, "cuda", EmulatedCuda::kernels, FP32),
                    cuda(name, Precision.BF16, 0x1p-8),
                    cuda(name, Precision.FP16, 0x1p-11)));
  }

  /**
   * A hidden state is rounded some eight times in each of two layers, forward and backward: their
   * random walk is 6 roundings long, and what is compared is the largest of many.
   */
  private static Arguments cuda(String model, Precision precision, double roundoff) {
    Tolerance tolerance = new Tolerance(16 * roundoff, 16 * roundoff);
    return backend(model, "cuda " + precision, () -> EmulatedCuda.kernels(precision), tolerance);
  }

  private static Arguments backend(
      String model, String backend, Supplier<Kernels> open, Tolerance tolerance) {
    return Arguments.of(model, backend, open, tolerance);
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("models")
  void crossEntropy(String name, String backend, Supplier<Kernels> open, Tolerance tolerance) {
    Golden golden = Golden.read(name);
    try (Kernels k = open.get();
        TestModel m = new TestModel(k, golden.config(), Key.of(0))) {
      golden.loadInto(k, m.weights);
      JsonNode expected = golden.numbers().get("ce");
      logits(m, golden, expected.get("logits"), tolerance);
      train(m, golden, "ce", tolerance, i -> plainLoss(m, golden.batches().get(i)));
    }
  }

  private static void logits(TestModel m, Golden golden, JsonNode expected, Tolerance tolerance) {
    try (Arena.Scope scope = m.activations.open()) {
      Pass pass = m.pass(Key.of(0), false);
      DeviceBatch batch = m.upload(golden.batches().get(0));
      Tensor logits = m.model.infer(pass, batch, m.model.embedWords(pass, batch));
      near(m, expected, logits, tolerance);
    }
  }

  private static double plainLoss(TestModel m, PackedBatch batch) {
    try (Arena.Scope scope = m.activations.open()) {
      return TestLosses.crossEntropy(m, m.pass(Key.of(0), false), m.upload(batch), true);
    }
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("models")
  void r3fWithInjectedNoise(
      String name, String backend, Supplier<Kernels> open, Tolerance tolerance) {
    Golden golden = Golden.read(name);
    try (Kernels k = open.get();
        TestModel m = new TestModel(k, golden.config(), Key.of(0))) {
      golden.loadInto(k, m.weights);
      JsonNode expected = golden.numbers().get("r3f");
      try (Arena.Scope scope = m.activations.open()) {
        TestLosses.R3f r3f = r3f(m, golden, 0, false);
        near(m, expected.get("logits"), r3f.clean(), tolerance);
        near(m, expected.get("noised_logits"), r3f.noised(), tolerance);
        assertEquals(expected.get("ce").asDouble(), r3f.ce(), tolerance.absolute, "ce");
        assertEquals(expected.get("kl").asDouble(), r3f.kl(), tolerance.absolute, "kl");
      }
      train(m, golden, "r3f", tolerance, i -> r3fLoss(m, golden, i));
    }
  }

  private static double r3fLoss(TestModel m, Golden golden, int i) {
    try (Arena.Scope scope = m.activations.open()) {
      return r3f(m, golden, i, true).loss();
    }
  }

  /** The noised copy gets the current word embeddings plus the noise of the golden. */
  private static TestLosses.R3f r3f(TestModel m, Golden golden, int i, boolean backward) {
    Pass pass = m.pass(Key.of(0), false);
    PackedBatch batch = golden.batches().get(i);
    Tensor noised = m.model.embedWords(pass, m.upload(batch));
    float[] noise = golden.tensors().get("noise/" + i);
    Tensor z = pass.take(noised.rows(), noised.cols());
    m.kernels.upload(z, noise, 0);
    add(m, noised, z);
    float lambda = (float) golden.numbers().get("r3f_lambda").asDouble();
    DeviceBatch both = m.upload(batch.repeat(2, true));
    return TestLosses.r3f(m, pass, both, noised, lambda, backward);
  }

  /** {@code y[N,H] += x[N,H]}, as a product with the 1 × 1 matrix 1. */
  private static void add(TestModel m, Tensor y, Tensor x) {
    Tensor one = m.activations.take(m.kernels.real(), 1, 1);
    m.kernels.upload(one, new float[] {1}, 0);
    int elements = Math.toIntExact(y.elements());
    m.kernels.linearBackwardInput(y.reshape(elements, 1), x.reshape(elements, 1), one, true);
  }

  private interface Step {
    double loss(int batch);
  }

  /** The gradient of batch 0, then ten AdamW steps over batches 0, 1, 0, …. */
  private static void train(
      TestModel m, Golden golden, String criterion, Tolerance tolerance, Step step) {
    JsonNode expected = golden.numbers().get(criterion);
    boolean decayAll = golden.numbers().get("decay_bias_and_layernorm").asBoolean();
    Parameters first = moments(m);
    Parameters second = moments(m);
    for (int t = 1; t <= STEPS; t++) {
      m.kernels.zero(m.gradients.block());
      double loss = step.loss((t - 1) % 2);
      double wanted = expected.get("losses").get(t - 1).asDouble();
      assertEquals(wanted, loss, tolerance.absolute, criterion + " loss of step " + t);
      if (t == 1) {
        gradients(m, golden, criterion, tolerance);
      }
      for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
        m.kernels.adamw(
            m.weights.get(entry),
            first.get(entry),
            second.get(entry),
            m.gradients.get(entry),
            adam(t, decayAll || !entry.vector() ? 0.01 : 0));
      }
    }
  }

  private static Parameters moments(TestModel m) {
    Parameters moments = new Parameters(m.weights.layout(), m.activations, m.kernels.real());
    m.kernels.zero(moments.block());
    return moments;
  }

  private static AdamStep adam(int t, double decay) {
    double correction1 = 1 - Math.pow(0.9, t);
    double correction2 = 1 - Math.pow(0.999, t);
    return new AdamStep(1e-3, 0.9, 0.999, 1e-8, decay, correction1, correction2, false, 1);
  }

  private static void gradients(TestModel m, Golden golden, String criterion, Tolerance tolerance) {
    double whole = norm(m.values(m.gradients.block()));
    for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
      double[] actual = m.values(m.gradients.get(entry));
      float[] wanted = golden.tensors().get(criterion + "/" + entry.name());
      double[] difference = new double[actual.length];
      double[] expected = new double[actual.length];
      for (int i = 0; i < actual.length; i++) {
        expected[i] = wanted[i];
        difference[i] = actual[i] - wanted[i];
      }
      // The bias of the keys moves no probability: its gradient is zero but for rounding.
      boolean zero = entry.name().endsWith("key.bias");
      double scale = zero ? whole : norm(expected);
      String what = criterion + " gradient of " + entry.name();
      assertTrue(scale > 0, what);
      assertEquals(0, norm(difference) / scale, tolerance.relative, what);
    }
  }

  private static void near(TestModel m, JsonNode expected, Tensor actual, Tolerance tolerance) {
    double[] wanted = Golden.numbers(expected);
    double[] values = m.values(actual);
    assertEquals(wanted.length, values.length);
    for (int i = 0; i < wanted.length; i++) {
      assertEquals(wanted[i], values[i], tolerance.absolute, "logit " + i);
    }
  }

  private static double norm(double[] x) {
    double sum = 0;
    for (double v : x) {
      sum += v * v;
    }
    return Math.sqrt(sum);
  }
}
