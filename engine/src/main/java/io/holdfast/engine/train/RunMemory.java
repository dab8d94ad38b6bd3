package io.holdfast.engine.train;

import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.CrossEntropy;
import io.holdfast.engine.data.Batches;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.model.MemoryPlan;
import io.holdfast.model.ModelConfig;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The native memory a run takes, known before the first step: {@link MemoryPlan} of the largest
 * batches of training and of evaluation, which share one arena.
 *
 * @param block bytes of one block of parameters
 * @param blocks how many: weights alone, or weights, gradients, two moments and, if asked for, an
 *     average
 * @param factors bytes of the encoder's weights in the type of hidden states, where that is another
 * @param state bytes of what a criterion keeps from update to update
 * @param training bytes of a training step's activations; 0 without training
 * @param plain what {@code training} would be with cross-entropy
 * @param inference bytes of an evaluation batch
 */
record RunMemory(
    long block, int blocks, long factors, long state, long training, long plain, long inference) {

  private static final int TRAINING_BLOCKS = 4;

  /**
   * @param criterion not used for training: what it keeps is that of the dry run
   * @param eval null: nothing is evaluated
   */
  static RunMemory forTraining(
      Kernels kernels,
      ModelConfig config,
      Criterion criterion,
      Batches.Bounds train,
      Batches.Bounds eval) {
    long[] state = new long[1];
    MemoryPlan plan = step(kernels, config, criterion, train, state);
    long plain = step(kernels, config, new CrossEntropy(), train, new long[1]).activations();
    long inference = eval == null ? 0 : inference(kernels, config, eval).activations();
    return new RunMemory(
        plan.block(),
        TRAINING_BLOCKS,
        plan.factors(),
        state[0],
        plan.activations(),
        plain,
        inference);
  }

  /**
   * @param state becomes the bytes of what the criterion keeps
   */
  private static MemoryPlan step(
      Kernels kernels,
      ModelConfig config,
      Criterion criterion,
      Batches.Bounds train,
      long[] state) {
    return MemoryPlan.of(
        kernels,
        config,
        largest(train),
        (model, pass, batch, gradients) -> {
          try (Arena kept = new Arena(pass.kernels(), MemoryPlan.UNBOUNDED)) {
            criterion.takeState(pass.kernels(), kept, model, pass.key());
            state[0] = kept.used();
            criterion.accumulate(model, pass, batch, 1f, gradients);
          }
        });
  }

  /** The same with a block for an average of the weights. */
  RunMemory withAverage() {
    return new RunMemory(block, blocks + 1, factors, state, training, plain, inference);
  }

  static RunMemory forInference(Kernels kernels, ModelConfig config, Batches.Bounds eval) {
    MemoryPlan plan = inference(kernels, config, eval);
    return new RunMemory(plan.block(), 1, plan.factors(), 0, 0, 0, plan.activations());
  }

  private static MemoryPlan inference(Kernels kernels, ModelConfig config, Batches.Bounds eval) {
    return MemoryPlan.of(
        kernels,
        config,
        largest(eval),
        (model, pass, batch, gradients) -> Evaluator.infer(model, pass, batch));
  }

  private static MemoryPlan.Largest largest(Batches.Bounds bounds) {
    long most = (long) bounds.sequences() * bounds.maxLength();
    return new MemoryPlan.Largest(
        (int) Math.min(bounds.tokens(), most), bounds.sequences(), bounds.maxLength());
  }

  /** Bytes of the arena of what lasts: parameter blocks and the criterion's state. */
  long parameters() {
    return block * blocks + factors + state;
  }

  /** Bytes of the arena of activations. */
  long activations() {
    return Math.max(training, inference);
  }

  private long average() {
    return Math.max(0, blocks - TRAINING_BLOCKS) * block;
  }

  /** Bytes that criterion and strategies take beyond plain cross-entropy. */
  long extra() {
    return state + average() + training - plain;
  }

  long total() {
    return parameters() + activations();
  }

  /** Throws (kind OUT_OF_MEMORY) if the plan does not fit, naming the largest items. */
  void check(long available) {
    if (total() > available) {
      throw new HoldfastException(
          HoldfastException.Kind.OUT_OF_MEMORY,
          "this run needs "
              + mebibytes(total())
              + " and "
              + mebibytes(available)
              + " are free; largest: "
              + largestItems()
              + "; reduce "
              + remedy());
    }
  }

  @Override
  public String toString() {
    String beyond =
        extra() > 0 ? "; " + mebibytes(extra()) + " beyond a step of cross_entropy" : "";
    return "memory: " + mebibytes(total()) + " (" + largestItems() + beyond + ")";
  }

  private String largestItems() {
    return items().entrySet().stream()
        .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
        .limit(3)
        .map(item -> item.getKey() + " " + mebibytes(item.getValue()))
        .collect(Collectors.joining(", "));
  }

  private Map<String, Long> items() {
    Map<String, Long> items = new LinkedHashMap<>();
    items.put("weights", block + factors);
    if (blocks >= TRAINING_BLOCKS) {
      items.put("gradients", block);
      items.put("Adam's moments", 2 * block);
      items.put("the average", average());
      items.put("what the criterion keeps", state);
    }
    boolean trains = training >= inference;
    items.put(trains ? "activations of a training step" : "an evaluation batch", activations());
    return items;
  }

  private String remedy() {
    if (parameters() > activations()) {
      return "the model: a smaller one, or a machine with more memory";
    }
    return training >= inference
        ? "--per-device-train-batch-size (with --gradient-accumulation-steps) or --max-seq-length"
        : "--per-device-eval-batch-size or --max-seq-length";
  }

  static String mebibytes(long bytes) {
    return String.format(Locale.ROOT, "%,d MiB", (bytes + (1 << 20) - 1) >> 20);
  }
}
