package io.holdfast.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.none.NullKernels;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is frozen has no gradient, costs none, and changes nothing above it. */
class FrozenTest {

  private static final int LAYERS = 2;
  private static final int TOKENS = 12;
  private static final ModelConfig CONFIG = TinyModels.config(ModelConfig.Architecture.BERT, 2);
  private static final Frozen BELOW_THE_TOP = new Frozen(true, 1);

  private static void step(Kernels k, Frozen frozen, boolean toWeights, Map<String, float[]> into) {
    ParameterLayout layout = ParameterLayout.of(CONFIG);
    try (Arena blocks = new Arena(k, 2 * (4 * layout.elements() + Arena.ALIGNMENT));
        Arena arena = new Arena(k, 1 << 24)) {
      Parameters weights = new Parameters(layout, blocks, k.real());
      Parameters gradients = new Parameters(layout, blocks, k.real());
      TinyModels.randomise(k, weights, Key.of(3));
      k.zero(gradients.block());
      SequenceClassifier model = new SequenceClassifier(CONFIG, weights, frozen);
      Pass pass = new Pass(k, arena, Key.of(4), true, true);
      DeviceBatch x =
          DeviceBatch.upload(k, arena, CONFIG, TinyModels.batch(CONFIG, Key.of(5), 7, TOKENS - 7));
      Activations a = model.forward(pass, x, model.embedWords(pass, x));
      Work forward = model.work();
      Tensor dLogits = pass.take(2, 2);
      k.upload(dLogits, new float[] {0.5f, -0.5f, -0.25f, 0.25f}, 0);
      if (toWeights) {
        model.backwardToWeights(pass, x, a, dLogits, x, gradients);
        Work work = model.work().minus(forward);
        into.put("work", new float[] {work.backward(), work.inputBackward()});
      } else {
        Tensor de = model.backward(pass, x, a, dLogits, gradients);
        model.embedWordsBackward(pass, x, de, gradients);
        into.put("embeddings", download(k, de));
      }
      for (ParameterLayout.Entry entry : layout.entries()) {
        into.put(entry.name(), download(k, gradients.get(entry)));
      }
    }
  }

  private static float[] download(Kernels k, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.elements())];
    k.download(values, 0, tensor);
    return values;
  }

  @Test
  void gradientsAboveAreThoseOfTheWholeModelAndBelowThereAreNone() {
    Frozen[] cases = {
      Frozen.NONE,
      BELOW_THE_TOP,
      new Frozen(false, 1),
      new Frozen(true, 0),
      new Frozen(true, LAYERS)
    };
    try (Kernels k = new CpuKernels(1, Precision.FP32)) {
      Map<String, float[]> whole = new HashMap<>();
      step(k, Frozen.NONE, false, whole);
      for (Frozen frozen : cases) {
        for (boolean toWeights : new boolean[] {true, false}) {
          Map<String, float[]> some = new HashMap<>();
          step(k, frozen, toWeights, some);
          for (ParameterLayout.Entry entry : ParameterLayout.of(CONFIG).entries()) {
            float[] full = whole.get(entry.name());
            float[] wanted = frozen.covers(entry) ? new float[full.length] : full;
            assertArrayEquals(wanted, some.get(entry.name()), frozen + " " + entry.name());
          }
          if (!toWeights) {
            assertArrayEquals(whole.get("embeddings"), some.get("embeddings"), "the input's");
          }
        }
      }
    }
  }

  /** A layer's backward is one of attention and four products each for inputs and for weights. */
  @Test
  void theBackwardEndsAboveWhatIsFrozen() {
    int whole = 2 + 4 * LAYERS;
    assertWork(Frozen.NONE, 2, whole, whole, 4, TOKENS, 0);
    assertWork(BELOW_THE_TOP, 1, 2 + 4, 2 + 4, 1, TOKENS / 2, 0);
    assertWork(new Frozen(true, LAYERS), 0, 2, 2, 1, 0, 0);
    assertWork(new Frozen(true, 0), 2, whole, whole, 1, TOKENS, 0);
    // With trained embeddings the gradient has to pass through the frozen layer.
    assertWork(new Frozen(false, 1), 2, 2 + 4, whole, 4, TOKENS / 2, TOKENS / 2);
  }

  private static void assertWork(
      Frozen frozen,
      int attention,
      int weights,
      int inputs,
      int gathers,
      float counted,
      float ofInput) {
    NullKernels counter = new NullKernels();
    Map<String, float[]> result = new HashMap<>();
    step(counter.kernels(), frozen, true, result);
    assertArrayEquals(new float[] {counted, ofInput}, result.get("work"), frozen.toString());
    assertEquals(attention, counter.calls("attentionBackward"), frozen.toString());
    // Query, key and value are one product.
    assertEquals(weights, counter.calls("linearBackwardWeight"), frozen.toString());
    assertEquals(inputs, counter.calls("linearBackwardInput"), frozen.toString());
    // Words, positions, types; and the first tokens of the head.
    assertEquals(gathers, counter.calls("gatherBackward"), frozen.toString());
  }
}
