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
import io.holdfast.kernels.CheckedKernels;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.Golden;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Iterator;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Criteria that live on dropout and noise against torch: the parts of the loss, every gradient and
 * ten training losses, with both drawn on both sides, from the same keys by independent code. See
 * src/test/python/noise_goldens.py and adversarial_goldens.py.
 */
class NoiseGoldenTest {

  private static final AdamWConfig ADAMW = new AdamWConfig(0.9, 0.999, 1e-8, true, false);
  private static final double LEARNING_RATE = 1e-3;
  private static final double WEIGHT_DECAY = 0.01;

  private static JsonNode goldens(String file) {
    try (var in = NoiseGoldenTest.class.getResourceAsStream(file)) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "noise_goldens.json, r_drop",
    "noise_goldens.json, hype-uniform",
    "noise_goldens.json, hype-normal",
    "noise_goldens.json, sift-targets",
    "noise_goldens.json, sift-none",
    "adversarial_goldens.json, smart-paper",
    "adversarial_goldens.json, smart-shared",
    "adversarial_goldens.json, smart-public",
    "adversarial_goldens.json, freelb-l2",
    "adversarial_goldens.json, freelb-linf",
  })
  void agreesWithTorch(String file, String name) {
    JsonNode goldens = goldens(file);
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
      Ascents ascents = new Ascents(k);
      JsonNode losses = expected.get("losses");
      for (int step = 0; step < losses.size(); step++) {
        PackedBatch batch = golden.batches().get(step % 2);
        k.zero(m.gradients.block());
        Pass pass = new Pass(ascents.kernels(), m.activations, key.at(step), true, true);
        LossReport report =
            criterion.accumulate(m.model, pass, batch, 1f / batch.sequences(), m.gradients);
        near(losses.get(step).asDouble(), report.meanLoss(), tolerance);
        if (step == 0) {
          Iterator<Double> parts = report.meanParts().values().iterator();
          expected.get("parts").forEach(part -> near(part.asDouble(), parts.next(), tolerance));
          if (expected.has("delta")) {
            tensor("delta", expected.get("delta"), ascents.last, 0, tolerance);
          }
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

  private static void gradients(TestModel m, JsonNode expected, double tolerance) {
    double whole = Math.sqrt(m.kernels.sumOfSquares(m.gradients.block()));
    for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
      // The bias of the keys moves no probability: its gradient is zero but for rounding.
      double least = entry.name().endsWith("key.bias") ? whole : 0;
      double[] gradient = m.values(m.gradients.get(entry));
      tensor(entry.name(), expected.get(entry.name()), gradient, least, tolerance);
    }
  }

  /**
   * The norm, and the product with cos(0), cos(1), …
   *
   * @param least the norm to which {@code tolerance} is relative, if that is larger than its own
   */
  private static void tensor(
      String name, JsonNode expected, double[] values, double least, double tolerance) {
    double squares = 0;
    double product = 0;
    double waves = 0;
    for (int i = 0; i < values.length; i++) {
      squares += values[i] * values[i];
      product += values[i] * Math.cos(i);
      waves += Math.cos(i) * Math.cos(i);
    }
    double norm = Math.sqrt(squares);
    assertTrue(norm > 0, name);
    double scale = tolerance * Math.max(norm, least);
    assertEquals(expected.get(0).asDouble(), norm, scale, name);
    // |x·cos| ≤ ‖x‖ · ‖cos‖
    assertEquals(expected.get(1).asDouble(), product, scale * Math.sqrt(waves), name);
  }

  /** A backend that keeps the perturbation after the latest step of ascent. */
  private static final class Ascents {
    private final Kernels backend;
    private double[] last;

    Ascents(Kernels backend) {
      this.backend = backend;
    }

    Kernels kernels() {
      Class<?>[] types = {Kernels.class};
      return new CheckedKernels(
          (Kernels) Proxy.newProxyInstance(Kernels.class.getClassLoader(), types, this::call));
    }

    private Object call(Object proxy, Method method, Object[] args) throws Throwable {
      try {
        Object result = method.invoke(backend, args);
        if (method.getName().equals("ascend")) {
          last = TestModel.values(backend, (Tensor) args[0]);
        }
        return result;
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    }
  }
}
