package io.holdfast.bench;

import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.LossReport;
import io.holdfast.engine.optim.AdamW;
import io.holdfast.engine.optim.AdamWConfig;
import io.holdfast.engine.optim.GradientClip;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.Initializer;
import io.holdfast.model.MemoryPlan;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.Work;
import java.util.List;

/**
 * One update as users run it: the engine's criterion, clipping and AdamW, on random weights. Owns
 * the memory: one arena for weights, gradients and moments, one for activations, both sized by
 * {@link MemoryPlan}, and one for what the criteria keep.
 */
public final class TrainingStep implements AutoCloseable {

  private static final double LEARNING_RATE = 5e-5;
  private static final double WEIGHT_DECAY = 0.01;
  private static final double LARGEST_NORM = 1.0;
  private static final Key KEY = Key.of(1);

  private final Kernels kernels;
  private final Arena state;
  private final Arena activations;
  private final Arena kept;
  private final SequenceClassifier model;
  private final Parameters gradients;
  private final AdamW optimizer;

  /**
   * @param criteria those that will run; R4F, which puts its norm into the model, only alone
   * @param largest bounds on the batches that will run
   */
  public TrainingStep(
      Kernels kernels, ModelConfig config, List<Criterion> criteria, MemoryPlan.Largest largest) {
    ParameterLayout layout = ParameterLayout.of(config);
    long[] keptBytes = new long[1];
    MemoryPlan plan = MemoryPlan.of(kernels, config, largest, runAll(criteria, keptBytes));
    this.kernels = kernels;
    this.state = new Arena(kernels, 4 * plan.block() + plan.factors());
    this.activations = new Arena(kernels, plan.activations());
    this.kept = new Arena(kernels, keptBytes[0]);
    this.model = new SequenceClassifier(config, Parameters.weights(layout, state, kernels));
    this.gradients = new Parameters(layout, state, kernels.real());
    this.optimizer =
        new AdamW(
            kernels,
            state,
            model.weights(),
            AdamWConfig.DEFAULT,
            AdamW.decayMatrices(WEIGHT_DECAY));
    Initializer.all(kernels, config, model.weights(), KEY);
    criteria.forEach(c -> c.takeState(kernels, kept, model, KEY));
  }

  /**
   * @param kept becomes the bytes of what the criteria keep
   */
  private static MemoryPlan.Step runAll(List<Criterion> criteria, long[] kept) {
    return (model, pass, batch, gradients) -> {
      try (Arena state = new Arena(pass.kernels(), MemoryPlan.UNBOUNDED)) {
        criteria.forEach(c -> c.takeState(pass.kernels(), state, model, KEY));
        kept[0] = state.used();
        criteria.forEach(c -> c.accumulate(model, pass, batch, 1, gradients));
      }
    };
  }

  /** The mean loss of one update. */
  public double run(Criterion criterion, PackedBatch batch) {
    kernels.zero(gradients.block());
    model.weightsChanged(kernels);
    Pass pass = new Pass(kernels, activations, KEY.at(optimizer.steps()), true, true);
    float scale = 1f / batch.sequences();
    criterion.beginUpdate(kernels);
    LossReport report = criterion.accumulate(model, pass, batch, scale, gradients);
    criterion.endUpdate(pass, gradients);
    double norm = GradientClip.norm(kernels, gradients);
    optimizer.step(gradients, LEARNING_RATE, GradientClip.factor(norm, LARGEST_NORM));
    return report.meanLoss();
  }

  /** Logits without dropout, [B,C] row by row. */
  public float[] logits(PackedBatch batch) {
    Arena.Scope scope = activations.open();
    try {
      Pass pass = new Pass(kernels, activations, KEY, false, false);
      model.weightsChanged(kernels);
      DeviceBatch x = DeviceBatch.upload(kernels, activations, model.config(), batch);
      Tensor logits = model.infer(pass, x, model.embedWords(pass, x));
      float[] values = new float[(int) logits.elements()];
      kernels.download(values, 0, logits);
      return values;
    } finally {
      scope.close();
    }
  }

  public Parameters weights() {
    return model.weights();
  }

  /** Updates so far. */
  public long updates() {
    return optimizer.steps();
  }

  /** Tokens that went through the model so far. */
  public Work work() {
    return model.work();
  }

  /** Most bytes in use at once so far: weights, gradients, moments, activations, what is kept. */
  public long peakBytes() {
    return state.highWater() + activations.highWater() + kept.highWater();
  }

  @Override
  public void close() {
    kept.close();
    activations.close();
    state.close();
  }
}
