package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.holdfast.engine.criteria.R3fOptions.Compat;
import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.criteria.R3fOptions.StopGrad;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.Golden;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The criterion itself against Hugging Face transformers and torch: loss, its parts and every
 * gradient, without dropout. The backend is the shipped one or the reference, but for the noise:
 * what it is asked to add is that of the golden.
 */
class R3fGoldenTest {

  private static final int BATCH = 0;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "roberta-classes2",
        "roberta-fairseq-classes3",
        "roberta-regression",
        "bert-classes3",
        "bert-regression"
      })
  void agreesWithTorch(String name) {
    // Golden gradients are stored in fp32; one of LayerNorm's eps is 1e-5 in fp32.
    check(name, new ReferenceKernels(), 1e-6, 2e-7);
    check(name, new CpuKernels(2, Precision.FP32), 1e-5, 1e-5);
  }

  private static void check(String name, Kernels kernels, double absolute, double relative) {
    Golden golden = Golden.read(name);
    try (Kernels k = kernels;
        TestModel m = new TestModel(k, golden.config(), Key.of(0))) {
      golden.loadInto(k, m.weights);
      double lambda = golden.numbers().get("r3f_lambda").asDouble();
      R3fOptions options =
          new R3fOptions(
              1, lambda, NoiseType.NORMAL, Masks.INDEPENDENT, StopGrad.NONE, Compat.PAPER);
      PackedBatch batch = golden.batches().get(BATCH);
      Kernels noisy = withNoise(k, golden.tensors().get("noise/" + BATCH));
      Pass pass = new Pass(noisy, m.activations, Key.of(1), false, true);
      float scale = 1f / batch.sequences();
      LossReport report = new R3f(options).accumulate(m.model, pass, batch, scale, m.gradients);

      JsonNode expected = golden.numbers().get("r3f");
      boolean regression = golden.config().regression();
      double ce = report.meanParts().get(regression ? "se" : "ce");
      double kl = report.meanParts().get(regression ? "consistency" : "kl");
      assertEquals(expected.get("ce").asDouble(), ce, absolute);
      assertEquals(expected.get("kl").asDouble(), kl, absolute);
      assertEquals(expected.get("losses").get(0).asDouble(), report.meanLoss(), absolute);
      gradients(m, golden.tensors(), "r3f/", relative);
    }
  }

  static void gradients(TestModel m, Map<String, float[]> golden, String prefix, double relative) {
    double whole = norm(m.values(m.gradients.block()));
    for (ParameterLayout.Entry entry : m.weights.layout().entries()) {
      double[] difference = m.values(m.gradients.get(entry));
      double own = norm(difference);
      float[] wanted = golden.get(prefix + entry.name());
      for (int i = 0; i < wanted.length; i++) {
        difference[i] -= wanted[i];
      }
      // The bias of the keys moves no probability: its gradient is zero but for rounding.
      double scale = entry.name().endsWith("key.bias") ? whole : own;
      assertTrue(scale > 0, entry.name());
      assertEquals(0, norm(difference) / scale, relative, entry.name());
    }
  }

  /** A backend that adds {@code noise} [N,H] in place of noise of its own. */
  static Kernels withNoise(Kernels k, float[] noise) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, args) -> {
              if (method.getName().equals("addNoise")) {
                add(k, (Tensor) args[0], (Tensor) args[1], noise);
                return null;
              }
              try {
                return method.invoke(k, args);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static void add(Kernels k, Tensor y, Tensor x, float[] noise) {
    double[] sum = TestModel.values(k, x);
    float[] rounded = new float[sum.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] += noise[i];
      rounded[i] = (float) sum[i];
    }
    if (k instanceof ReferenceKernels reference) {
      reference.fill(y, sum);
    } else {
      k.upload(y, rounded, 0);
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
