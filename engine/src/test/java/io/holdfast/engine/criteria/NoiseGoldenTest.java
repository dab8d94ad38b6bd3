package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.holdfast.engine.optim.AdamW;
import io.holdfast.engine.optim.AdamWConfig;
import io.holdfast.engine.options.Options;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.Golden;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import java.io.IOException;
import java.util.Iterator;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Criteria that live on dropout and noise against torch: the parts of the loss, every gradient and
 * ten training losses, with both drawn on both sides, from the same keys by independent code. See
 * src/test/python/noise_goldens.py.
 */
class NoiseGoldenTest {

  private static final AdamWConfig ADAMW = new AdamWConfig(0.9, 0.999, 1e-8, true, false);
  private static final double LEARNING_RATE = 1e-3;
  private static final double WEIGHT_DECAY = 0.01;

  private static JsonNode goldens() {
    try (var in = NoiseGoldenTest.class.getResourceAsStream("noise_goldens.json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"r_drop", "hype-uniform", "hype-normal", "sift-targets", "sift-none"})
  void agreesWithTorch(String name) {
    JsonNode goldens = goldens();
    Map<String, Object> options =
        new ObjectMapper()
            .convertValue(goldens.get("settings").get(name), new TypeReference<>() {});
    Criterion criterion =
        Criteria.create(name.split("-")[0], Options.parse(CriterionOptions.class, options));
    Key key = Key.of(goldens.get("seed").asLong());
    goldens
        .get("models")
        .properties()
        .forEach(
            model -> {
              Golden golden = Golden.read(model.getKey());
              JsonNode expected = model.getValue().get(name);
              check(golden, criterion, key, new ReferenceKernels(), 2e-7, expected);
              check(golden, criterion, key, new CpuKernels(2, Precision.FP32), 2e-5, expected);
            });
  }

  /**
   * @param tolerance relative, of losses and, in L2, of gradients
   */
  private static void check(
      Golden golden,
      Criterion criterion,
      Key key,
      Kernels kernels,
      double tolerance,
      JsonNode expected) {
    try (Kernels k = kernels;
        TestModel m = new TestModel(k, golden.config(), Key.of(0));
        Arena moments = new Arena(k, 2 * (m.weights.block().bytes() + 64))) {
      golden.loadInto(k, m.weights);
      AdamW adam = adam(golden, m, moments);
      JsonNode losses = expected.get("losses");
      for (int step = 0; step < losses.size(); step++) {
        PackedBatch batch = golden.batches().get(step % 2);
        k.zero(m.gradients.block());
        Pass pass = m.pass(key.at(step), true);
        LossReport report =
            criterion.accumulate(m.model, pass, batch, 1f / batch.sequences(), m.gradients);
        near(losses.get(step).asDouble(), report.meanLoss(), tolerance);
        if (step == 0) {
          Iterator<Double> parts = report.meanParts().values().iterator();
          expected.get("parts").forEach(part -> near(part.asDouble(), parts.next(), tolerance));
          gradients(m, expected.get("gradients"), tolerance);
        }
        adam.step(m.gradients, LEARNING_RATE, 1);
      }
    }
  }

  private static AdamW adam(Golden golden, TestModel m, Arena moments) {
    boolean all = golden.numbers().get("decay_bias_and_layernorm").asBoolean();
    return new AdamW(
        m.kernels,
        moments,
        m.weights,
        ADAMW,
        all ? AdamW.decayAll(WEIGHT_DECAY) : AdamW.decayMatrices(WEIGHT_DECAY));
  }

  /** Reported losses are sums of fp32 numbers. */
  private static void near(double expected, double actual, double tolerance) {
    assertEquals(expected, actual, Math.max(1e-6, tolerance) * Math.max(1, expected));
  }

  /** Of each tensor the norm, and the product with cos(0), cos(1), … */
  private static void gradients(TestModel m, JsonNode expected, double tolerance) {
    double whole = Math.sqrt(m.kernels.sumOfSquares(m.gradients.block()));
    for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
      double squares = 0;
      double product = 0;
      double waves = 0;
      double[] gradient = m.values(m.gradients.get(entry));
      for (int i = 0; i < gradient.length; i++) {
        squares += gradient[i] * gradient[i];
        product += gradient[i] * Math.cos(i);
        waves += Math.cos(i) * Math.cos(i);
      }
      double norm = Math.sqrt(squares);
      assertTrue(norm > 0, entry.name());
      // The bias of the keys moves no probability: its gradient is zero but for rounding.
      double scale = tolerance * (entry.name().endsWith("key.bias") ? whole : norm);
      JsonNode wanted = expected.get(entry.name());
      assertEquals(wanted.get(0).asDouble(), norm, scale, entry.name());
      // |x·cos| ≤ ‖x‖ · ‖cos‖
      assertEquals(wanted.get(1).asDouble(), product, scale * Math.sqrt(waves), entry.name());
    }
  }
}
