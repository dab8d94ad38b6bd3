package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.holdfast.engine.criteria.R3fOptions.Compat;
import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.criteria.R3fOptions.StopGrad;
import io.holdfast.engine.optim.AdamW;
import io.holdfast.engine.optim.AdamWConfig;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.Golden;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.SpectralNorm.Mode;
import io.holdfast.model.SpectralNorm.Scope;
import io.holdfast.model.TestModel;
import io.holdfast.model.io.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Against torch.nn.utils.spectral_norm on Hugging Face models, with the noise and the first u and v
 * of the golden and without dropout: loss, gradients, ten training losses, u and v after them, and
 * the logits of the weights as they are exported. The goldens are made by make_r4f_goldens.py.
 */
class R4fGoldenTest {

  private static final int STEPS = 10;

  @ParameterizedTest
  @ValueSource(strings = {"roberta-classes2", "bert-classes3", "bert-regression"})
  void agreesWithTorch(String name) throws IOException {
    // Losses are read, and golden gradients and vectors are stored, in fp32.
    check(name, new ReferenceKernels(), 1e-6, 2e-7);
    check(name, new CpuKernels(2, Precision.FP32), 1e-5, 1e-5);
  }

  private static void check(String name, Kernels kernels, double absolute, double relative)
      throws IOException {
    Golden golden = Golden.read(name);
    JsonNode expected = new ObjectMapper().readTree(golden.folder().resolve("r4f.json").toFile());
    Map<String, float[]> tensors = tensors(golden.folder().resolve("r4f.safetensors"));
    try (Kernels k = kernels;
        TestModel m = new TestModel(k, golden.config(), Key.of(0))) {
      golden.loadInto(k, m.weights);
      R4f criterion = criterion(golden, expected.get("scope").asText());
      Parameters vectors =
          criterion.takeState(k, m.activations, m.model, Key.of(0)).get("spectral_norm");
      for (ParameterLayout.Entry entry : vectors.layout().entries()) {
        k.upload(vectors.get(entry), tensors.get("start/" + entry.name()), 0);
      }
      boolean all = golden.numbers().get("decay_bias_and_layernorm").asBoolean();
      var groups = all ? AdamW.decayAll(0.01) : AdamW.decayMatrices(0.01);
      AdamW adam = new AdamW(k, m.activations, m.weights, AdamWConfig.DEFAULT, groups);
      for (int step = 0; step < STEPS; step++) {
        LossReport report = accumulate(criterion, m, golden, step % 2);
        double loss = expected.get("losses").get(step).asDouble();
        assertEquals(loss, report.meanLoss(), absolute, "step " + step);
        if (step == 0) {
          first(report, expected, golden.config().regression(), absolute);
          R3fGoldenTest.gradients(m, tensors, "r4f/", relative);
        }
        adam.step(m.gradients, 1e-3, 1);
      }
      for (ParameterLayout.Entry entry : vectors.layout().entries()) {
        near(tensors.get("end/" + entry.name()), m.values(vectors.get(entry)), absolute);
      }
      m.model.foldNorm(k);
      exported(m, golden.batches().get(0), expected.get("logits"), absolute);
    }
  }

  private static R4f criterion(Golden golden, String scope) {
    double lambda = golden.numbers().get("r3f_lambda").asDouble();
    return new R4f(
        new R3fOptions(1, lambda, NoiseType.NORMAL, Masks.INDEPENDENT, StopGrad.NONE, Compat.PAPER),
        new R4fOptions(Scope.valueOf(scope.toUpperCase(Locale.ROOT)), Mode.EQUAL, 1));
  }

  private static LossReport accumulate(R4f criterion, TestModel m, Golden golden, int i) {
    PackedBatch batch = golden.batches().get(i);
    m.kernels.zero(m.gradients.block());
    criterion.beginUpdate(m.kernels);
    Kernels noisy = R3fGoldenTest.withNoise(m.kernels, golden.tensors().get("noise/" + i));
    Pass pass = new Pass(noisy, m.activations, Key.of(1), false, true);
    return criterion.accumulate(m.model, pass, batch, 1f / batch.sequences(), m.gradients);
  }

  private static void first(
      LossReport report, JsonNode expected, boolean regression, double absolute) {
    Map<String, Double> parts = report.meanParts();
    double ce = parts.get(regression ? "se" : "ce");
    double kl = parts.get(regression ? "consistency" : "kl");
    assertEquals(expected.get("ce").asDouble(), ce, absolute);
    assertEquals(expected.get("kl").asDouble(), kl, absolute);
  }

  /** What a reader that knows nothing of norms gets from the weights. */
  private static void exported(TestModel m, PackedBatch batch, JsonNode expected, double absolute) {
    SequenceClassifier plain = new SequenceClassifier(m.config, m.weights);
    Pass pass = m.pass(Key.of(1), false);
    DeviceBatch device = m.upload(batch);
    Tensor logits = plain.infer(pass, device, plain.embedWords(pass, device));
    float[] wanted = new float[(int) logits.elements()];
    for (int i = 0; i < wanted.length; i++) {
      wanted[i] = (float) expected.get(i / logits.cols()).get(i % logits.cols()).asDouble();
    }
    near(wanted, m.values(logits), absolute);
  }

  private static void near(float[] expected, double[] actual, double absolute) {
    double[] wanted = new double[expected.length];
    for (int i = 0; i < wanted.length; i++) {
      wanted[i] = expected[i];
    }
    assertArrayEquals(wanted, actual, absolute);
  }

  private static Map<String, float[]> tensors(Path path) {
    Map<String, float[]> tensors = new HashMap<>();
    try (Safetensors file = Safetensors.open(path)) {
      file.shapes().keySet().forEach(name -> tensors.put(name, file.read(name)));
    }
    return tensors;
  }
}
