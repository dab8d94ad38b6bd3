package io.holdfast.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.MemoryPlan.Largest;
import io.holdfast.model.ModelConfig.Architecture;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {

  private static final Key KEY = Key.of(3);

  @Test
  void aBlockIsOfTheLayoutsSize() {
    ModelConfig config = TinyModels.config(Architecture.BERT, 2);
    MemoryPlan plan = plan(config, new Largest(40, 4, 20), 1);
    long bytes = ParameterLayout.of(config).elements() * Double.BYTES;
    assertTrue(plan.block() >= bytes && plan.block() < bytes + 64, "" + plan.block());
  }

  private static MemoryPlan plan(ModelConfig config, Largest largest, int copies) {
    try (Kernels k = new ReferenceKernels()) {
      return MemoryPlan.of(k, config, largest, TestModel.copies(copies));
    }
  }

  @Test
  void theLargestBatchFitsToTheByte() {
    ModelConfig config = TinyModels.regression(Architecture.ROBERTA);
    long bytes = plan(config, new Largest(30, 3, 20), 2).activations();
    assertEquals(bytes, run(config, bytes, 20, 6, 4));
    assertEquals(bytes, run(config, bytes, 5, 20, 5));
    HoldfastException full =
        assertThrows(HoldfastException.class, () -> run(config, bytes - 64, 20, 6, 4));
    assertEquals(HoldfastException.Kind.OUT_OF_MEMORY, full.kind());
  }

  @Test
  void noSmallerBatchNeedsMore() {
    ModelConfig config = TinyModels.config(Architecture.BERT, 2);
    long bytes = plan(config, new Largest(40, 6, 24), 2).activations();
    SplittableRandom random = new SplittableRandom(4);
    for (int i = 0; i < 30; i++) {
      int[] lengths = new int[1 + random.nextInt(6)];
      int left = 40;
      for (int b = 0; b < lengths.length; b++) {
        int others = lengths.length - 1 - b;
        lengths[b] = 1 + random.nextInt(Math.min(24, left - others));
        left -= lengths[b];
      }
      assertTrue(run(config, bytes, lengths) <= bytes);
    }
  }

  /** A real step in an arena of that size; its high-water mark. */
  private static long run(ModelConfig config, long bytes, int... lengths) {
    try (Kernels k = new ReferenceKernels();
        TestModel m = new TestModel(k, config, KEY);
        Arena arena = new Arena(k, bytes)) {
      Pass pass = new Pass(k, arena, KEY, true, true);
      PackedBatch batch = TinyModels.batch(config, KEY, lengths);
      TestModel.copies(2).run(m.model, pass, batch, m.gradients);
      return arena.highWater();
    }
  }
}
