package io.holdfast.engine.strategies;

import io.holdfast.engine.strategies.StrategyOptions.Average;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.Parameters;

/**
 * An average of the weights over the updates of a run, from update s ({@code --average-start}) on,
 * every k-th ({@code --average-every}).
 *
 * <pre>
 * before s          nothing is averaged
 * at s              a = w
 * swa, the n-th     a = a + (w − a)/n                     the mean of those since s
 * ema, the n-th     a = d·a + (1 − d)·w                   d = min(decay, (1 + n)/(10 + n))
 * </pre>
 *
 * <p>Follows Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization"
 * (UAI 2018) for {@code swa}, on all parameters, LayerNorm included, with a constant learning rate
 * from s on if one is given. The smaller d of the first updates is that of TensorFlow's {@code
 * ExponentialMovingAverage} with a count of updates: with the decay alone, 0.999, an average of 300
 * updates would be to three quarters the weights it began with. The evaluations after update s and
 * the model the run writes are those of the average: no model from before it is taken for better,
 * and no run stops early before it. It depends on the number of updates and the weights alone, so
 * it has no other state.
 */
public final class WeightAverage {

  /** Elements that are exchanged at a time. */
  private static final int CHUNK = 1 << 20;

  private final Kernels kernels;
  private final Arena scratch;
  private final StrategyOptions options;
  private final Parameters weights;
  private final Parameters average;
  private final int start;

  /**
   * @param scratch has room between updates
   * @param average as large as the weights; filled here
   */
  public WeightAverage(
      Kernels kernels,
      Arena scratch,
      StrategyOptions options,
      Parameters weights,
      Parameters average,
      int totalUpdates) {
    this.kernels = kernels;
    this.scratch = scratch;
    this.options = options;
    this.weights = weights;
    this.average = average;
    this.start = options.averageStart(totalUpdates);
    kernels.copy(average.block(), weights.block());
  }

  /** The average, or where there is none yet the weights a run began with. */
  public Parameters block() {
    return average;
  }

  /** True from the update on whose weights the average begins with. */
  public boolean hasBegun(int updates) {
    return updates >= start;
  }

  /** True once weights after that have joined it. */
  public boolean isThere(int updates) {
    return updates - start >= options.averageEvery();
  }

  /** Takes the weights after {@code updates} updates into account. */
  public void observe(int updates) {
    int since = updates - start;
    if (since == 0) {
      kernels.copy(average.block(), weights.block());
    } else if (since > 0 && since % options.averageEvery() == 0) {
      double n = since / options.averageEvery();
      boolean ema = options.average() == Average.EMA;
      double share = ema ? Math.max(1 - options.averageDecay(), 9 / (10 + n)) : 1 / n;
      kernels.axpby(average.block(), (float) share, weights.block(), (float) (1 - share));
    }
  }

  /** Exchanges average and weights, to the bit: done twice, all is as it was. */
  public void swap() {
    Tensor a = column(weights);
    Tensor b = column(average);
    int rows = a.rows();
    try (Arena.Scope scope = scratch.open()) {
      long free = (scratch.capacity() - scratch.used()) / a.dtype().bytes();
      int chunk = (int) Math.min(free, CHUNK);
      Tensor buffer = scratch.take(a.dtype(), chunk, 1);
      for (int from = 0; from < rows; from += chunk) {
        int to = Math.min(rows, from + chunk);
        Tensor part = buffer.rows(0, to - from);
        kernels.copy(part, a.rows(from, to));
        kernels.copy(a.rows(from, to), b.rows(from, to));
        kernels.copy(b.rows(from, to), part);
      }
    }
  }

  private static Tensor column(Parameters block) {
    Tensor whole = block.block();
    return whole.reshape(whole.cols(), 1);
  }
}
