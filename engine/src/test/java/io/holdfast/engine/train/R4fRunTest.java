package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Precision;
import io.holdfast.model.io.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An R4F run saves what evaluates as it did, and keeps what it trains apart from that. */
class R4fRunTest {

  private static final List<String> MATRICES =
      List.of("bert.pooler.dense.weight", "classifier.weight");

  @TempDir Path folder;

  private static Map<String, float[]> read(Path path) {
    Map<String, float[]> tensors = new HashMap<>();
    try (Safetensors file = Safetensors.open(path)) {
      file.shapes().keySet().forEach(name -> tensors.put(name, file.read(name)));
    }
    return tensors;
  }

  @Test
  void theModelIsTheBestCheckpointNormalised() throws IOException {
    TinyRun tiny = new TinyRun(folder, 60);
    Outcome outcome =
        tiny.run(
            tiny.options(
                "out",
                "criterion",
                "r4f",
                "spectral_norm_scope",
                "head",
                "num_train_epochs",
                "6",
                "learning_rate",
                "3e-3",
                "eval_strategy",
                "steps",
                "eval_steps",
                "5"));
    assertTrue(outcome.bestStep() < outcome.steps(), "the vectors of the best are not the last");
    Path out = tiny.output("out");
    Path best = out.resolve(Files.readString(out.resolve("best")).strip());
    Map<String, float[]> trained = read(best.resolve("model.safetensors"));
    Map<String, float[]> vectors = read(best.resolve("spectral_norm.safetensors"));
    Map<String, float[]> exported = read(out.resolve("model.safetensors"));
    assertEquals(trained.keySet(), exported.keySet());
    for (String name : trained.keySet()) {
      if (MATRICES.contains(name)) {
        float[] u = vectors.get(name + "_u");
        float[] v = vectors.get(name + "_v");
        normalised(name, trained.get(name), u, v, exported.get(name));
      } else {
        assertArrayEquals(trained.get(name), exported.get(name), name);
      }
    }
    Predictor.Settings settings = new Predictor.Settings("cpu", 1, Precision.FP32, 0, 7);
    try (Predictor p = Predictor.open(out.toString(), settings, ProgressListener.SILENT)) {
      Path dev = tiny.data().resolve("dev.tsv");
      assertEquals(outcome.best(), p.evaluate(io.holdfast.engine.data.Tasks.named("cola"), dev));
    }
  }

  private static void normalised(String name, float[] w, float[] u, float[] v, float[] exported) {
    double sigma = 0;
    for (int i = 0; i < w.length; i++) {
      sigma += (double) u[i / v.length] * w[i] * v[i % v.length];
    }
    assertTrue(Math.abs(sigma - 1) > 1e-3, name + " as it is trained: " + sigma);
    for (int i = 0; i < w.length; i++) {
      assertEquals(w[i] / sigma, exported[i], 1e-6 * Math.abs(w[i] / sigma), name);
    }
  }
}
