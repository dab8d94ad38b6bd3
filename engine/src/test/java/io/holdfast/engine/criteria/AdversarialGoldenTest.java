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
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * SMART and FreeLB against torch, from the same first perturbation and without dropout: the parts
 * of the loss, the perturbation after the ascent, every gradient and ten training losses. See
 * src/test/python/adversarial_goldens.py.
 */
class AdversarialGoldenTest {

  private static final double LEARNING_RATE = 1e-3;
  private static final double WEIGHT_DECAY = 0.01;
  private static final AdamWConfig ADAMW = new AdamWConfig(0.9, 0.999, 1e-8, true, false);

  private static JsonNode goldens() {
    try (var in = AdversarialGoldenTest.class.getResourceAsStream("adversarial_goldens.json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "smart-paper, smart",
    "smart-public, smart",
    "freelb-l2, freelb",
    "freelb-linf, freelb"
  })
  void agreesWithTorch(String settings, String criterion) {
    JsonNode goldens = goldens();
    Map<String, Object> options =
        new ObjectMapper()
            .convertValue(goldens.get("settings").get(settings), new TypeReference<>() {});
    Criterion objective =
        Criteria.create(criterion, Options.parse(CriterionOptions.class, options));
    goldens
        .get("models")
        .properties()
        .forEach(
            model -> {
              JsonNode expected = model.getValue().get(settings);
              new Check(model.getKey(), objective, new ReferenceKernels(), 1e-9).run(expected);
              Kernels cpu = new CpuKernels(2, Precision.FP32);
              new Check(model.getKey(), objective, cpu, 2e-5).run(expected);
            });
  }

  /** One model on one backend, whose noise is the golden's. */
  private static final class Check {

    private final Golden golden;
    private final Criterion objective;
    private final Kernels kernels;
    private final double tolerance;

    /** The first perturbation of the current batch, and how many elements were handed out. */
    private float[] noise;

    private int given;

    /** The perturbation after the latest step of ascent. */
    private double[] delta;

    /**
     * @param tolerance relative, of losses and, in L2, of tensors
     */
    Check(String name, Criterion objective, Kernels kernels, double tolerance) {
      this.golden = Golden.read(name);
      this.objective = objective;
      this.kernels = kernels;
      this.tolerance = tolerance;
    }

    void run(JsonNode expected) {
      try (Kernels k = kernels;
          TestModel m = new TestModel(k, golden.config(), Key.of(0));
          Arena moments = new Arena(k, 2 * (m.weights.block().bytes() + 64))) {
        golden.loadInto(k, m.weights);
        boolean all = golden.numbers().get("decay_bias_and_layernorm").asBoolean();
        AdamW adam =
            new AdamW(
                k,
                moments,
                m.weights,
                ADAMW,
                all ? AdamW.decayAll(WEIGHT_DECAY) : AdamW.decayMatrices(WEIGHT_DECAY));
        JsonNode losses = expected.get("losses");
        for (int step = 0; step < losses.size(); step++) {
          LossReport report = accumulate(m, step % 2);
          double loss = losses.get(step).asDouble();
          assertEquals(loss, report.meanLoss(), Math.max(2e-7, tolerance) * Math.max(1, loss));
          if (step == 0) {
            details(m, report, expected);
          }
          adam.step(m.gradients, LEARNING_RATE, 1);
        }
      }
    }

    private LossReport accumulate(TestModel m, int i) {
      PackedBatch batch = golden.batches().get(i);
      noise = golden.tensors().get("noise/" + i);
      given = 0;
      m.kernels.zero(m.gradients.block());
      Pass pass = new Pass(observed(), m.activations, Key.of(1), false, true);
      float scale = 1f / batch.sequences();
      LossReport report = objective.accumulate(m.model, pass, batch, scale, m.gradients);
      assertEquals(noise.length, given, "every element was perturbed once");
      return report;
    }

    private void details(TestModel m, LossReport report, JsonNode expected) {
      int i = 0;
      for (double part : report.meanParts().values()) {
        double want = expected.get("parts").get(i++).asDouble();
        assertEquals(want, part, Math.max(2e-7, tolerance) * Math.max(1, want), "part " + i);
      }
      assertEquals(2, i);
      compare("delta", expected.get("delta"), delta, 0);
      double whole = Math.sqrt(dot(m.values(m.gradients.block()), null));
      for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
        // The bias of the keys moves no probability: its gradient is zero but for rounding.
        double least = entry.name().endsWith("key.bias") ? whole : 0;
        double[] gradient = m.values(m.gradients.get(entry));
        compare(entry.name(), expected.get("gradients").get(entry.name()), gradient, least);
      }
    }

    /** The norm and the product with cos(0), cos(1), …, to within a share of the norm. */
    private void compare(String name, JsonNode expected, double[] values, double least) {
      double[] wave = new double[values.length];
      for (int i = 0; i < wave.length; i++) {
        wave[i] = Math.cos(i);
      }
      double norm = Math.sqrt(dot(values, null));
      double scale = Math.max(norm, least);
      assertTrue(scale > 0, name);
      assertEquals(expected.get(0).asDouble(), norm, tolerance * scale, name);
      double roots = Math.sqrt(dot(wave, null)); // of Cauchy and Schwarz
      assertEquals(expected.get(1).asDouble(), dot(values, wave), tolerance * scale * roots, name);
    }

    /** {@code x · y}; {@code x · x} where y is null. */
    private static double dot(double[] x, double[] y) {
      double sum = 0;
      for (int i = 0; i < x.length; i++) {
        sum += x[i] * (y == null ? x[i] : y[i]);
      }
      return sum;
    }

    private Kernels observed() {
      return (Kernels)
          Proxy.newProxyInstance(
              Kernels.class.getClassLoader(),
              new Class<?>[] {Kernels.class},
              (proxy, method, args) -> call(method, args));
    }

    private Object call(Method method, Object[] args) throws Throwable {
      if (method.getName().equals("addNoise")) {
        Tensor y = (Tensor) args[0]; // zero so far
        kernels.upload(y, noise, given);
        given += (int) y.elements();
        return null;
      }
      try {
        Object result = method.invoke(kernels, args);
        if (method.getName().equals("ascend")) {
          delta = TestModel.values(kernels, (Tensor) args[0]);
        }
        return result;
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    }
  }
}
