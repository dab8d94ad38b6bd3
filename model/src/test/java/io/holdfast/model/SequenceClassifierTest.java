package io.holdfast.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.none.NullKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig.Architecture;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SequenceClassifierTest {

  private static final Key KEY = Key.of(11);
  private static final Key STEP = Key.of(12).at(5);
  private static final int[] LENGTHS = {7, 1, 12, 3};

  private static TestModel open(Architecture architecture) {
    return new TestModel(new ReferenceKernels(), TinyModels.config(architecture, 3), KEY);
  }

  private static double[] logits(TestModel m, PackedBatch batch, boolean training) {
    try (Arena.Scope scope = m.activations.open()) {
      DeviceBatch device = m.upload(batch);
      Pass pass = m.pass(STEP, training);
      return m.values(m.model.forward(pass, device, m.model.embedWords(pass, device)).logits());
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void anExampleDoesNotDependOnTheBatchItIsIn(Architecture architecture) {
    try (TestModel m = open(architecture)) {
      PackedBatch batch = TinyModels.batch(m.config, KEY, LENGTHS);
      for (boolean training : new boolean[] {false, true}) {
        double[] packed = logits(m, batch, training);
        for (int b = 0; b < LENGTHS.length; b++) {
          double[] alone = logits(m, TinyModels.single(batch, b), training);
          assertArrayEquals(Arrays.copyOfRange(packed, 3 * b, 3 * b + 3), alone, "sequence " + b);
        }
      }
    }
  }

  /** Hugging Face's create_position_ids_from_input_ids: cumsum(id != pad) · (id != pad) + pad. */
  @ParameterizedTest
  @EnumSource(Architecture.class)
  void paddingTokensOfATextAreNotCountedByRoberta(Architecture architecture) {
    ModelConfig config = TinyModels.config(architecture, 2);
    int pad = config.padTokenId();
    int[] tokens = {5, pad, pad, 6, 7, 8, pad};
    int[] starts = {0, 5, 7};
    PackedBatch batch = new PackedBatch(tokens, new int[7], starts, new int[2], new int[2], null);
    int[] counted = {pad + 1, pad, pad, pad + 2, pad + 3, pad + 1, pad};
    int[] all = {0, 1, 2, 3, 4, 0, 1};
    assertArrayEquals(
        architecture == Architecture.ROBERTA ? counted : all, DeviceBatch.positions(config, batch));
  }

  @Test
  void copiesDifferByTheirMasksAlone() {
    try (TestModel m = open(Architecture.ROBERTA)) {
      PackedBatch batch = TinyModels.batch(m.config, KEY, LENGTHS);
      double[] once = logits(m, batch, true);
      double[] shared = logits(m, batch.repeat(2, true), true);
      double[] independent = logits(m, batch.repeat(2, false), true);
      assertArrayEquals(once, Arrays.copyOf(shared, once.length));
      assertArrayEquals(once, Arrays.copyOfRange(shared, once.length, 2 * once.length));
      assertArrayEquals(once, Arrays.copyOf(independent, once.length));
      for (int i = 0; i < once.length; i++) {
        assertTrue(Math.abs(once[i] - independent[once.length + i]) > 1e-6, "logit " + i);
      }
    }
  }

  @Test
  void gradientsOfABatchAreTheSumOverItsSequences() {
    try (TestModel m = open(Architecture.BERT)) {
      PackedBatch batch = TinyModels.batch(m.config, KEY, LENGTHS);
      backward(m, batch, LENGTHS.length, true);
      double[] whole = m.values(m.gradients.block());
      m.kernels.zero(m.gradients.block());
      for (int b = 0; b < LENGTHS.length; b++) {
        backward(m, TinyModels.single(batch, b), 1, true);
      }
      assertArrayEquals(whole, m.values(m.gradients.block()), 1e-12);
    }
  }

  /** dLogits is 1, −2, 3, 1, … over the first {@code count} sequences; returns dE. */
  private static double[] backward(
      TestModel m, PackedBatch batch, int count, boolean weightGradients) {
    try (Arena.Scope scope = m.activations.open()) {
      DeviceBatch device = m.upload(batch);
      Pass pass = m.pass(STEP, true, weightGradients);
      Activations a = m.model.forward(pass, device, m.model.embedWords(pass, device));
      Tensor dLogits = pass.take(count, 3);
      float[] values = new float[3 * count];
      for (int i = 0; i < values.length; i++) {
        values[i] = new float[] {1, -2, 3}[i % 3];
      }
      m.kernels.upload(dLogits, values, 0);
      DeviceBatch prefix = device.prefix(count);
      Tensor de = m.model.backward(pass, prefix, a, dLogits, weightGradients ? m.gradients : null);
      if (weightGradients) {
        m.model.embedWordsBackward(pass, prefix, de, m.gradients);
      }
      return m.values(de);
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void backwardOfAPrefixIsThatOfTheSmallerBatch(Architecture architecture) {
    try (TestModel m = open(architecture)) {
      PackedBatch batch = TinyModels.batch(m.config, KEY, LENGTHS);
      PackedBatch smaller = TinyModels.batch(m.config, KEY, Arrays.copyOf(LENGTHS, 2));
      double[] dePrefix = backward(m, batch, 2, true);
      double[] prefix = m.values(m.gradients.block());
      m.kernels.zero(m.gradients.block());
      double[] deSmaller = backward(m, smaller, 2, true);
      assertArrayEquals(deSmaller, dePrefix);
      assertArrayEquals(m.values(m.gradients.block()), prefix);
    }
  }

  @Test
  void parameterGradientsAdd() {
    try (TestModel m = open(Architecture.BERT)) {
      PackedBatch batch = TinyModels.batch(m.config, KEY, LENGTHS);
      backward(m, batch, 4, true);
      double[] once = m.values(m.gradients.block());
      backward(m, batch, 4, true);
      double[] twice = m.values(m.gradients.block());
      for (int i = 0; i < once.length; i++) {
        assertEquals(2 * once[i], twice[i], 1e-12 * (1 + Math.abs(once[i])));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void withoutWeightGradientsTheInputsIsTheSame(Architecture architecture) {
    try (TestModel m = open(architecture)) {
      PackedBatch batch = TinyModels.batch(m.config, KEY, LENGTHS);
      assertArrayEquals(backward(m, batch, 4, true), backward(m, batch, 4, false));
    }
  }

  @Test
  void withoutWeightGradientsNoneOfTheirKernelsRuns() {
    ModelConfig config = TinyModels.config(Architecture.ROBERTA, 3);
    PackedBatch batch = TinyModels.batch(config, KEY, LENGTHS);
    NullKernels with = new NullKernels();
    NullKernels without = new NullKernels();
    try (TestModel a = new TestModel(with.kernels(), config, KEY);
        TestModel b = new TestModel(without.kernels(), config, KEY)) {
      backward(a, batch, 4, true);
      backward(b, batch, 4, false);
    }
    int layers = config.layers();
    assertEquals(4 * layers + 2, with.calls("linearBackwardWeight"));
    assertEquals(0, without.calls("linearBackwardWeight"));
    // Tables of words, positions and types, and the rows of first tokens; then the last alone.
    assertEquals(4, with.calls("gatherBackward"));
    assertEquals(1, without.calls("gatherBackward"));
    // Activations that only weight gradients need are not computed again.
    assertEquals(2 * layers, with.calls("biasGelu"));
    assertEquals(layers, without.calls("biasGelu"));
    assertEquals(4 * layers + 2, without.calls("linearBackwardInput"));
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void inferGivesTheLogitsOfForward(Architecture architecture) {
    try (TestModel m = open(architecture)) {
      PackedBatch batch = TinyModels.batch(m.config, KEY, LENGTHS);
      for (boolean training : new boolean[] {false, true}) {
        try (Arena.Scope scope = m.activations.open()) {
          Pass pass = m.pass(STEP, training);
          DeviceBatch device = m.upload(batch);
          Tensor e = m.model.embedWords(pass, device);
          double[] before = m.values(e);
          double[] inferred = m.values(m.model.infer(pass, device, e));
          double[] hidden = m.values(m.model.encode(pass, device, e));
          assertArrayEquals(before, m.values(e));
          Activations a = m.model.forward(pass, device, e);
          assertArrayEquals(before, m.values(e));
          assertArrayEquals(m.values(a.logits()), inferred);
          assertArrayEquals(m.values(a.hidden()), hidden);
        }
      }
    }
  }

  @Test
  void inferNeedsTheMemoryOfOneLayer() {
    assertEquals(inferHighWater(1), inferHighWater(6));
  }

  private static long inferHighWater(int layers) {
    List<String> labels = List.of("a", "b");
    ModelConfig config = TinyModels.config(Architecture.BERT, 50, 16, layers, false, labels);
    try (TestModel m = new TestModel(new NullKernels().kernels(), config, KEY)) {
      Pass pass = m.pass(STEP, false);
      DeviceBatch device = m.upload(TinyModels.batch(config, KEY, LENGTHS));
      m.model.infer(pass, device, m.model.embedWords(pass, device));
      return m.activations.highWater();
    }
  }

  @Test
  void nothingIsReadAcrossSequences() {
    try (TestModel m = open(Architecture.BERT)) {
      PackedBatch batch = TinyModels.batch(m.config, KEY, LENGTHS);
      double[][] clean = logitsAndGradient(m, batch, 1f);
      double[][] poisoned = logitsAndGradient(m, batch, Float.NaN);
      for (int b = 0; b < LENGTHS.length; b++) {
        int from = batch.starts()[b] * 16;
        int to = batch.starts()[b + 1] * 16;
        for (int i = 3 * b; i < 3 * b + 3; i++) {
          assertEquals(b == 2 ? Double.NaN : clean[0][i], poisoned[0][i], "logit " + i);
        }
        for (int i = from; i < to; i++) {
          assertEquals(b == 2 ? Double.NaN : clean[1][i], poisoned[1][i], "dE " + i);
        }
      }
    }
  }

  /** With the embeddings of sequence 2 multiplied by {@code factor}. */
  private static double[][] logitsAndGradient(TestModel m, PackedBatch batch, float factor) {
    try (Arena.Scope scope = m.activations.open()) {
      Pass pass = m.pass(STEP, true);
      DeviceBatch device = m.upload(batch);
      Tensor e = m.model.embedWords(pass, device);
      Tensor third = e.rows(batch.starts()[2], batch.starts()[3]);
      float[] values = new float[Math.toIntExact(third.elements())];
      m.kernels.download(values, 0, third);
      for (int i = 0; i < values.length; i++) {
        values[i] *= factor;
      }
      m.kernels.upload(third, values, 0);
      Activations a = m.model.forward(pass, device, e);
      double[] logits = m.values(a.logits());
      return new double[][] {
        logits, m.values(m.model.backward(pass, device, a, a.logits(), m.gradients))
      };
    }
  }

  @Test
  void everyDropoutHasItsOwnKeyAndItsBackwardTheSame() {
    for (Architecture architecture : Architecture.values()) {
      List<Key> forward = new ArrayList<>();
      List<Key> backward = new ArrayList<>();
      Kernels recorder = recorder(forward, backward);
      ModelConfig config = TinyModels.config(architecture, 3);
      try (TestModel m = new TestModel(recorder, config, KEY)) {
        backward(m, TinyModels.batch(config, KEY, LENGTHS), 4, true);
      }
      int head = architecture == Architecture.BERT ? 1 : 2;
      assertEquals(1 + 3 * config.layers() + head, Set.copyOf(forward).size());
      // Plain dropout is its own backward, so it is recorded twice as a forward.
      assertEquals(forward.size(), Set.copyOf(forward).size() + 1 + head);
      assertEquals(3 * config.layers(), Set.copyOf(backward).size());
      assertTrue(forward.containsAll(backward));
    }
  }

  /** The null backend, with the keys of operations noted. */
  private static Kernels recorder(List<Key> forward, List<Key> backward) {
    Kernels none = new NullKernels().kernels();
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, arguments) -> {
              List<Key> keys = method.getName().endsWith("Backward") ? backward : forward;
              for (Object argument : arguments == null ? new Object[0] : arguments) {
                if (argument instanceof Key key) {
                  keys.add(key);
                }
              }
              return method.invoke(none, arguments);
            });
  }

  @Test
  void forwardKeepsWhatTheDrawingSays() {
    long one = forwardKeeps(1);
    int n = Arrays.stream(LENGTHS).sum();
    // 11 H + A + 4 numbers of 4 bytes for each token, where F is 3/2 H here instead of 4 H.
    int h = 16;
    long perLayer = 4L * n * (7 * h + 3 * h / 2 + 2 + 4);
    long roundings = 12 * 64;
    long difference = forwardKeeps(2) - one;
    assertTrue(
        difference >= perLayer && difference < perLayer + roundings, difference + " bytes a layer");
  }

  private static long forwardKeeps(int layers) {
    List<String> labels = List.of("a", "b");
    ModelConfig config = TinyModels.config(Architecture.BERT, 50, 16, layers, false, labels);
    try (TestModel m = new TestModel(new NullKernels().kernels(), config, KEY)) {
      Pass pass = m.pass(STEP, true);
      DeviceBatch device = m.upload(TinyModels.batch(config, KEY, LENGTHS));
      m.model.forward(pass, device, m.model.embedWords(pass, device));
      return m.activations.used();
    }
  }
}
