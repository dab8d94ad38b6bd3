package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.io.Safetensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the strategies do to the weights of a run; the model has two layers. */
class StrategiesTest {

  /**
   * Adam with an epsilon far above any gradient: its first step is {@code rate · 1e-6 · gradient}.
   */
  private static final String LIKE_SGD =
      "adam_epsilon 1e6 learning_rate 1e6 lr_scheduler_type constant max_grad_norm 0 max_steps 1 ";

  /** A rate that leaves all weights but zeros as they are. */
  private static final String STILL = "max_steps 1 learning_rate 1e-30 ";

  @TempDir Path folder;

  private Map<String, float[]> train(TinyRun tiny, String name, String more) {
    tiny.run(tiny.options(name, more.strip().split(" ")));
    return read(last(tiny, name).resolve("model.safetensors"));
  }

  private static Path last(TinyRun tiny, String name) {
    try {
      Path out = tiny.output(name);
      return out.resolve(Files.readString(out.resolve("last")).strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Map<String, float[]> read(Path file) {
    Map<String, float[]> tensors = new HashMap<>();
    try (Safetensors source = Safetensors.open(file)) {
      source.shapes().keySet().forEach(name -> tensors.put(name, source.read(name)));
    }
    return tensors;
  }

  /** 0 for embeddings, 1 and 2 for the layers, 3 for pooler and classifier. */
  private static int depth(String name) {
    if (name.contains(".layer.")) {
      return 1 + name.charAt(name.indexOf(".layer.") + 7) - '0';
    }
    return name.contains("embeddings") ? 0 : 3;
  }

  @ParameterizedTest
  @CsvSource({
    "llrd 0.5, 0.125, 0.25, 0.5, 1",
    "llrd 0.5 head_learning_rate 3e6, 0.125, 0.25, 0.5, 3",
    "'llrd_groups 1,1.75 head_learning_rate 3.5e6', 1, 1, 1.75, 3.5",
    "head_learning_rate 2e6, 1, 1, 1, 2",
  })
  void theFirstUpdateIsScaledByDepth(
      String options, double embeddings, double first, double second, double head) {
    double[] factors = {embeddings, first, second, head};
    TinyRun tiny = new TinyRun(folder, 40);
    Map<String, float[]> base = train(tiny, "base", STILL);
    Map<String, float[]> plain = train(tiny, "plain", LIKE_SGD);
    Map<String, float[]> scaled = train(tiny, "scaled", LIKE_SGD + options);
    for (String name : base.keySet()) {
      double product = 0;
      double square = 0;
      for (int i = 0; i < base.get(name).length; i++) {
        double whole = plain.get(name)[i] - base.get(name)[i];
        product += whole * (scaled.get(name)[i] - base.get(name)[i]);
        square += whole * whole;
      }
      // A key's bias moves every score of a row alike: its gradient is rounding.
      if (!name.endsWith("key.bias")) {
        assertTrue(square > 1e-8, name);
        assertEquals(factors[depth(name)], product / square, 2e-3 * factors[depth(name)], name);
      }
    }
  }

  static List<String> criteria() {
    return Criteria.names();
  }

  @ParameterizedTest
  @MethodSource("criteria")
  void whatIsFrozenKeepsItsBits(String criterion) {
    TinyRun tiny = new TinyRun(folder, 40);
    Map<String, float[]> base = read(tiny.model().resolve("model.safetensors"));
    Map<String, float[]> trained =
        train(
            tiny,
            "out",
            "freeze_embeddings true freeze_layers 1 weight_decay 0.1 weight_decay_all true"
                + " max_steps 5 criterion "
                + criterion);
    Map<String, float[]> moments = read(last(tiny, "out").resolve("optimizer.safetensors"));
    for (String name : base.keySet()) {
      boolean same = Arrays.equals(base.get(name), trained.get(name));
      assertEquals(depth(name) <= 1, same, name);
      float[] second = moments.get("exp_avg_sq." + name);
      boolean untouched = Arrays.equals(new float[second.length], second);
      assertEquals(depth(name) <= 1, untouched, "moments of " + name);
    }
  }

  @Test
  void reinitialisedLayersAreDrawnFromTheSeed() {
    TinyRun tiny = new TinyRun(folder, 40);
    Map<String, float[]> base = train(tiny, "base", STILL);
    String still = STILL + "reinit_layers 1 reinit_pooler true ";
    Map<String, float[]> drawn = train(tiny, "out", still);
    double squares = 0;
    int count = 0;
    for (String name : base.keySet()) {
      boolean redrawn = depth(name) == 2 || name.contains("pooler");
      float[] w = drawn.get(name);
      if (!redrawn) {
        assertArrayEquals(base.get(name), w, 1e-29f, name);
      } else if (name.endsWith("LayerNorm.weight")) {
        float[] ones = new float[w.length];
        Arrays.fill(ones, 1f);
        assertArrayEquals(ones, w, name);
      } else if (name.endsWith("bias")) {
        assertArrayEquals(new float[w.length], w, 1e-29f, name);
      } else {
        for (float x : w) {
          squares += x * x;
          count++;
        }
      }
    }
    // 4·16² + 2·16·24 + 16² draws of N(0, 0.02²): the variance is known to 2·√(2/n).
    assertEquals(4 * 256 + 2 * 384 + 256, count);
    assertEquals(1, squares / count / (0.02 * 0.02), 4 * Math.sqrt(2.0 / count));
    String query = "bert.encoder.layer.1.attention.self.query.weight";
    assertArrayEquals(drawn.get(query), train(tiny, "again", still).get(query));
    assertFalse(
        Arrays.equals(drawn.get(query), train(tiny, "other", still + "seed 43").get(query)));
  }

  @ParameterizedTest
  @CsvSource({
    "freeze_layers 3, --freeze-layers: 3 of the 2 layers the model has",
    "reinit_layers 3, --reinit-layers: 3 of the 2 layers the model has",
    "freeze_layers 1 reinit_layers 2, a layer drawn afresh would never be trained",
    "'llrd_groups 1,2,3', --llrd-groups: 3 of the 2 layers the model has",
    "'llrd_groups 1,x', write factors above 0 as",
    "'llrd_groups 1,2 llrd 0.9', give one",
  })
  void whatTheModelCannotDoIsRefused(String options, String said) {
    TinyRun tiny = new TinyRun(folder, 8);
    HoldfastException e =
        assertThrows(HoldfastException.class, () -> train(tiny, "out", options + " max_steps 1"));
    assertEquals(HoldfastException.Kind.USAGE, e.kind());
    assertTrue(e.getMessage().contains(said), e.getMessage());
  }
}
