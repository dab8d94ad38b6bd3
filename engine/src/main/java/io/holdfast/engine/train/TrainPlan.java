package io.holdfast.engine.train;

import io.holdfast.engine.data.Batches;
import io.holdfast.engine.data.TokenizedDataset;
import io.holdfast.engine.optim.Schedule;
import io.holdfast.kernels.HoldfastException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;

/** Which examples each update sees, and how many updates there are. */
final class TrainPlan {

  private final Batches batches;
  private final long seed;
  private final int accumulation;
  private final int totalSteps;

  TrainPlan(TrainConfig config, TokenizedDataset train) {
    int[] lengths = train.lengths();
    Batches.Limits limits =
        new Batches.Limits(
            config.perDeviceTrainBatchSize(), config.maxTokens(), config.groupByLength());
    this.batches = new Batches(lengths, limits);
    this.seed = config.seed();
    this.accumulation = config.gradientAccumulationSteps();
    boolean differ = config.maxTokens() > 0;
    this.totalSteps =
        config.maxSteps() > 0 ? config.maxSteps() : steps(config.numTrainEpochs(), differ);
  }

  /**
   * @param differ an epoch may have more updates than another
   */
  private int steps(double epochs, boolean differ) {
    int first = updates(0).size();
    if (epochs * first > 2.0 * Integer.MAX_VALUE) {
      throw tooMany(); // far too many to count
    }
    int whole = differ ? (int) epochs : 0;
    long before = 0;
    for (int epoch = 0; epoch < whole; epoch++) {
      before += updates(epoch).size();
    }
    // In decimal: 1.3 − 1 is more than 0.3 in double, and would be an update more.
    BigDecimal part = BigDecimal.valueOf(epochs).subtract(BigDecimal.valueOf(whole));
    int last = whole == 0 ? first : updates(whole).size();
    BigDecimal steps =
        part.multiply(BigDecimal.valueOf(last))
            .setScale(0, RoundingMode.CEILING)
            .add(BigDecimal.valueOf(before));
    if (steps.compareTo(BigDecimal.valueOf(Integer.MAX_VALUE)) > 0) {
      throw tooMany();
    }
    return steps.intValue();
  }

  private static HoldfastException tooMany() {
    return new HoldfastException(
        HoldfastException.Kind.USAGE, "more than 2^31 updates: lower --num-train-epochs");
  }

  /** The micro-batches of each update of an epoch. */
  List<List<int[]>> updates(int epoch) {
    return batches.updates(seed, epoch, accumulation);
  }

  int totalSteps() {
    return totalSteps;
  }

  Batches.Bounds bounds() {
    return batches.bounds();
  }

  /** Epochs done, with fraction. */
  double epochs(TrainState state) {
    return state.updateInEpoch == 0
        ? state.epoch
        : state.epoch + (double) state.updateInEpoch / updates(state.epoch).size();
  }

  Schedule schedule(TrainConfig config) {
    return new Schedule(
        config.lrSchedulerType(),
        config.learningRate(),
        Schedule.warmupUpdates(config.warmup(), totalSteps),
        totalSteps,
        config.lrPower(),
        config.lrSchedulerType() == Schedule.Shape.POLYNOMIAL ? config.lrEnd() : 0);
  }
}
