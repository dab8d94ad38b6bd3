package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.criteria.CriterionOptions;
import io.holdfast.engine.criteria.CrossEntropy;
import io.holdfast.engine.data.Batches;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.Activations;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.MemoryPlan;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import io.holdfast.model.Work;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The meter of passes, seconds and memory. */
class StepCostTest {

  @TempDir Path folder;

  /** A forward and a backward, which is as two forwards: a pass of cross-entropy is 3 units. */
  @ParameterizedTest
  @CsvSource({
    "cross_entropy, none, 1, 1, 3",
    "r3f, none, 2, 2, 6",
    "r3f, noisy, 2, 1, 4",
    "r_drop, none, 2, 2, 6",
    "hype, none, 1, 1, 3",
    "smart, none, 3, 2.5, 8",
    "freelb, none, 3, 3, 9",
    "sift, none, 3, 2.5, 8",
  })
  void passesAreCounted(String criterion, String stop, int forward, double backward, int units)
      throws IOException {
    TinyRun tiny = new TinyRun(folder, 40);
    Map<String, String> options = tiny.options("out", "criterion", criterion);
    options.put("r3f_stop_grad", stop);
    options.put("gradient_accumulation_steps", "2");
    options.put("eval_on_start", "true");
    Outcome outcome = tiny.run(options);
    assertEquals(forward, outcome.cost().forwardPasses());
    assertEquals(backward, outcome.cost().backwardPasses());
    assertEquals(units / 3.0, outcome.cost().relativePasses());
    assertEquals(
        outcome.cost().seconds() * outcome.steps(), outcome.elapsed().toMillis() / 1000.0, 1e-3);
    ObjectNode results = Json.parse(Files.readAllBytes(folder.resolve("out/train_results.json")));
    assertEquals(units / 3.0, results.get("train_relative_passes").asDouble());
    assertEquals(outcome.cost().extraMemory(), results.get("train_extra_memory_bytes").asLong());
    int lines = 0;
    for (String text : Files.readAllLines(folder.resolve("out/metrics.jsonl"))) {
      ObjectNode line = Json.parse(text);
      if (line.get("split").asText().equals("train")) {
        assertEquals(forward, line.get("forward_passes").asDouble());
        assertEquals(backward, line.get("backward_passes").asDouble());
        assertEquals(outcome.cost().extraMemory(), line.get("extra_memory_bytes").asLong());
        assertTrue(line.get("seconds_per_step").asDouble() > 0);
        lines++;
      }
    }
    assertEquals(3, lines); // 9 updates of up to 2 × 8 rows, a line every third
  }

  /** R3F keeps one column more than cross-entropy on twice the rows: the consistency term. */
  @Test
  void extraMemoryIsThatOfTheSecondBranch() {
    ModelConfig config = TinyModels.config(Architecture.BERT, 3);
    int sequences = 16; // a column fills whole lines of 64 bytes, which is how arenas align
    Batches.Bounds bounds = new Batches.Bounds(sequences, 200, 24);
    MemoryPlan.Largest largest = new MemoryPlan.Largest(200, sequences, 24);
    try (ReferenceKernels k = new ReferenceKernels()) {
      long one = MemoryPlan.of(k, config, largest, TestModel.copies(1)).activations();
      long two = MemoryPlan.of(k, config, largest, TestModel.copies(2)).activations();
      assertEquals(0, extra(k, config, "cross_entropy", bounds));
      assertEquals(two - one + k.real().bytes() * sequences, extra(k, config, "r3f", bounds));
    }
  }

  /** Of nothing but a block of parameters: the average's. */
  @Test
  void extraMemoryCountsTheAverage() {
    ModelConfig config = TinyModels.config(Architecture.BERT, 3);
    Batches.Bounds bounds = new Batches.Bounds(16, 200, 24);
    try (ReferenceKernels k = new ReferenceKernels()) {
      RunMemory plain = RunMemory.forTraining(k, config, new CrossEntropy(), bounds, bounds);
      RunMemory averaged = plain.withAverage();
      assertEquals(plain.block(), averaged.extra());
      assertEquals(averaged.extra(), averaged.total() - plain.total());
      assertEquals(0, RunMemory.forInference(k, config, bounds).extra());
    }
  }

  private static long extra(
      ReferenceKernels k, ModelConfig config, String criterion, Batches.Bounds bounds) {
    return RunMemory.forTraining(
            k, config, Criteria.create(criterion, CriterionOptions.defaults()), bounds, bounds)
        .extra();
  }

  /**
   * A clean forward, one ascent step on a perturbed copy (forward, and backward of the input
   * alone), then the perturbed forward and both backwards: 3 + 0.5·2 + 2·2 = 8 units.
   */
  @Test
  void aBackwardWithoutWeightGradientsIsHalfOfOne() {
    ModelConfig config = TinyModels.config(Architecture.ROBERTA, 2);
    try (ReferenceKernels k = new ReferenceKernels();
        TestModel m = new TestModel(k, config, Key.of(1))) {
      Pass all = m.pass(Key.of(2), true);
      Pass input = m.pass(Key.of(2), true, false);
      DeviceBatch batch = m.upload(TinyModels.batch(config, Key.of(3), 5, 2, 9));
      Activations clean = m.model.forward(all, batch, m.model.embedWords(all, batch));
      backward(m, input, batch, m.model.forward(input, batch, m.model.embedWords(input, batch)));
      Activations last = m.model.forward(all, batch, m.model.embedWords(all, batch));
      backward(m, all, batch, clean);
      backward(m, all, batch, last);
      Work work = m.model.work();
      assertEquals(new Work(3 * 16, 2 * 16, 16), work);
      assertEquals(8 / 3.0, StepCost.of(work, 16, 0, 0).relativePasses(), 1e-15);

      m.model.infer(all, batch, m.model.embedWords(all, batch));
      backward(m, all, batch.prefix(2), clean);
      assertEquals(new Work(16, 7, 0), m.model.work().minus(work));
    }
  }

  private static void backward(TestModel m, Pass pass, DeviceBatch batch, Activations a) {
    Parameters gradients = pass.weightGradients() ? m.gradients : null;
    m.model.backward(
        pass, batch, a, pass.take(batch.sequenceCount(), m.config.outputs()), gradients);
  }
}
