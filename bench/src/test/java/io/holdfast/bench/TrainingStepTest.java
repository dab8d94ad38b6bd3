package io.holdfast.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.criteria.Criterion;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.model.PackedBatch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The benchmarks measure a step that learns, in the memory that was planned. */
class TrainingStepTest {

  /** Passes in the unit of cross-entropy's forward and backward, a forward being a third of it. */
  @ParameterizedTest
  @CsvSource({
    "cross_entropy, 3",
    "r3f, 6",
    "r3f --r3f-stop-grad noisy, 4",
    "r4f, 6",
    "smart, 8",
    "freelb, 9",
    "r_drop, 6",
    "hype, 3",
    "sift, 8"
  })
  void startsAtLn2AndLearnsItsBatch(String name, double thirds) {
    Criterion criterion = StepReport.criteria().get(name);
    Workload workload = new Workload("test", new int[] {5, 1, 9, 3});
    PackedBatch batch = workload.batch(1);
    try (Kernels kernels = Backends.open("cpu", 2, Precision.FP32);
        TrainingStep step =
            new TrainingStep(kernels, Shape.TINY.config(), List.of(criterion), workload.bounds())) {
      double first = step.run(criterion, batch);
      // A head of N(0, 0.02²) on 48 pooled values in (-1, 1): logits below 0.02 · √48 · 2, likely.
      assertEquals(Math.log(2), first, 0.1);
      double last = first;
      for (int i = 0; i < 200; i++) {
        last = step.run(criterion, batch);
      }
      assertTrue(last < Math.log(2) - 0.02, first + " to " + last);
      assertTrue(step.peakBytes() > 4L * 4 * step.weights().layout().elements());
      assertEquals(thirds / 3, StepReport.cost(step, 18).relativePasses(), 1e-12);
    }
  }

  @Test
  void rteBatchesArePrefixesOfTheList() {
    Workload eight = Workload.of("rte8");
    assertEquals(8, eight.lengths().length);
    assertEquals(21 + 52 + 59 + 64 + 108 + 51 + 107 + 65, eight.tokens());
    assertEquals(8 * 108, eight.padded().tokens());
    PackedBatch batch = eight.batch(7);
    assertEquals(eight.tokens(), batch.tokenCount());
    assertEquals(108, batch.maxLength());
  }

  @Test
  void interleavedRunsKeepTheirRounds() {
    int[] calls = new int[2];
    Map<String, DoubleSupplier> contenders = new LinkedHashMap<>();
    contenders.put("a", () -> calls[0]++);
    contenders.put("b", () -> calls[1]++);
    var times = Interleaved.run(contenders, 2, 3);
    assertEquals(5, calls[0]);
    assertEquals(5, calls[1]);
    assertEquals(3, times.get("a").times().length);
    var slow = new Interleaved.Times(new double[] {4, 40, 9});
    var fast = new Interleaved.Times(new double[] {2, 10, 3});
    assertEquals(9, slow.median());
    assertEquals(3, slow.ratioTo(fast));
  }
}
