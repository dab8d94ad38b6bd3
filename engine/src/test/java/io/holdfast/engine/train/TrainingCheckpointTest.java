package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.LossReport;
import io.holdfast.engine.data.Batches;
import io.holdfast.engine.optim.AdamW;
import io.holdfast.engine.optim.AdamWConfig;
import io.holdfast.engine.run.Checkpoints;
import io.holdfast.engine.run.Disk;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.model.Frozen;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.TinyModels;
import io.holdfast.model.io.Safetensors;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run keeps besides weights and moments. */
class TrainingCheckpointTest {

  private static final ModelConfig CONFIG = TinyModels.config(ModelConfig.Architecture.BERT, 2);

  /** A vector of 5, a matrix of 3 × 7 and a copy of the weights. */
  private static final Criterion KEEPS =
      new Criterion() {
        @Override
        public Map<String, Parameters> takeState(
            Kernels kernels, Arena arena, SequenceClassifier model, Key key) {
          Map<String, int[]> shapes = new LinkedHashMap<>();
          shapes.put("u", new int[] {5});
          shapes.put("m", new int[] {3, 7});
          Parameters small = new Parameters(ParameterLayout.of(shapes), arena, kernels.real());
          Parameters teacher = new Parameters(model.weights().layout(), arena, kernels.real());
          kernels.copy(teacher.block(), model.weights().block());
          return Map.of("small", small, "teacher", teacher);
        }

        @Override
        public LossReport accumulate(
            SequenceClassifier model,
            Pass pass,
            PackedBatch batch,
            float scale,
            Parameters gradients) {
          pass.arena().take(DType.F32, 10, 10);
          return LossReport.EMPTY;
        }
      };

  @TempDir Path folder;

  @Test
  void everyBlockComesBackToTheBit() {
    Batches.Bounds bounds = new Batches.Bounds(1, 4, 4);
    try (Kernels k = new CpuKernels(1, Precision.FP32);
        Workspace space =
            new Workspace(
                k, CONFIG, RunMemory.forTraining(k, CONFIG, KEEPS, bounds, null), Frozen.NONE)) {
      Parameters weights = space.model.weights();
      TinyModels.randomise(k, weights, Key.of(1));
      AdamW adam =
          new AdamW(k, space.parameters, weights, AdamWConfig.DEFAULT, AdamW.decayAll(0.1));
      space.block(); // gradients
      Map<String, Parameters> more = KEEPS.takeState(k, space.parameters, space.model, Key.of(2));
      assertEquals(space.parameters.capacity(), space.parameters.used(), "planned to the byte");

      Parameters small = more.get("small");
      float[] values = new float[26];
      for (int i = 0; i < values.length; i++) {
        values[i] = 1f / (i + 3);
      }
      k.upload(small.block(), values, 0);
      float[] teacher = download(k, more.get("teacher"));
      TinyModels.randomise(k, adam.firstMoment(), Key.of(3));
      float[] moment = download(k, adam.firstMoment());
      TrainState state = new TrainState();
      state.step = 4;
      TrainingCheckpoint saved = new TrainingCheckpoint(k, weights, adam, more);
      Path path = saved.save(new Checkpoints(folder, Disk.REAL, 1), state);

      k.zero(small.block());
      k.zero(more.get("teacher").block());
      k.zero(adam.firstMoment().block());
      k.zero(weights.block());
      assertEquals(4, saved.load(path).step);
      assertArrayEquals(values, download(k, small));
      assertArrayEquals(teacher, download(k, more.get("teacher")));
      assertArrayEquals(moment, download(k, adam.firstMoment()));
      assertArrayEquals(teacher, download(k, weights));
      try (Safetensors file = Safetensors.open(path.resolve("small.safetensors"))) {
        assertArrayEquals(new int[] {5}, file.shapes().get("u"));
        assertArrayEquals(new int[] {3, 7}, file.shapes().get("m"));
        assertEquals(1f / 8, file.read("m")[0], "after the five of u");
      }
      k.zero(weights.block());
      saved.loadWeights(path, "teacher");
      assertArrayEquals(teacher, download(k, weights));
    }
  }

  /** 4 blocks of the model, then 26 numbers and 1 block, each block rounded up to 64 bytes. */
  @Test
  void whatACriterionKeepsIsPlanned() {
    try (Kernels k = new CpuKernels(1, Precision.FP32)) {
      RunMemory memory = RunMemory.forTraining(k, CONFIG, KEEPS, new Batches.Bounds(1, 4, 4), null);
      long elements = ParameterLayout.of(CONFIG).elements();
      long block = (4 * elements + 63) / 64 * 64;
      assertEquals(5 * block + 128, memory.parameters());
    }
  }

  private static float[] download(Kernels k, Parameters block) {
    float[] values = new float[Math.toIntExact(block.block().elements())];
    k.download(values, 0, block.block());
    return values;
  }
}
