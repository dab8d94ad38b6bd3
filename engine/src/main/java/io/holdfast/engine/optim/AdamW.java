package io.holdfast.engine.optim;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * AdamW (Loshchilov and Hutter 2019) over a block of parameters; the update is {@link
 * Kernels#adamw}. Neighbours of the same group are updated in one call. Its state is the two
 * moments and the count of steps.
 */
public final class AdamW {

  /** Neighbouring elements of one group. */
  private record Run(int from, int to, ParameterGroup group) {}

  private final Kernels kernels;
  private final Parameters weights;
  private final Parameters first;
  private final Parameters second;
  private final AdamWConfig config;
  private final List<Run> runs;
  private long steps;

  /**
   * Takes two moments from {@code arena}, as large as the weights and of their type, and zeroes
   * them.
   *
   * @param groups null for what is not updated: weights and moments stay as they are
   */
  public AdamW(
      Kernels kernels,
      Arena arena,
      Parameters weights,
      AdamWConfig config,
      Function<ParameterLayout.Entry, ParameterGroup> groups) {
    this.kernels = kernels;
    this.weights = weights;
    this.config = config;
    this.first = new Parameters(weights.layout(), arena, weights.block().dtype());
    this.second = new Parameters(weights.layout(), arena, weights.block().dtype());
    this.runs = runs(weights.layout(), groups);
    kernels.zero(first.block());
    kernels.zero(second.block());
  }

  /** Decays every weight but the biases and LayerNorm: Hugging Face's groups. */
  public static Function<ParameterLayout.Entry, ParameterGroup> decayMatrices(double weightDecay) {
    ParameterGroup matrices = new ParameterGroup(1, weightDecay);
    ParameterGroup vectors = new ParameterGroup(1, 0);
    return entry -> entry.vector() ? vectors : matrices;
  }

  /** Decays everything: fairseq's one group. */
  public static Function<ParameterLayout.Entry, ParameterGroup> decayAll(double weightDecay) {
    ParameterGroup all = new ParameterGroup(1, weightDecay);
    return entry -> all;
  }

  /**
   * One update of the weights.
   *
   * @param gradientScale factor on every gradient, for example {@link GradientClip#factor}
   */
  public void step(Parameters gradients, double learningRate, double gradientScale) {
    steps++;
    double correction1 = config.biasCorrection() ? 1 - Math.pow(config.beta1(), steps) : 1;
    double correction2 = config.biasCorrection() ? 1 - Math.pow(config.beta2(), steps) : 1;
    for (Run run : runs) {
      AdamStep step =
          new AdamStep(
              learningRate * run.group().learningRateFactor(),
              config.beta1(),
              config.beta2(),
              config.epsilon(),
              run.group().weightDecay(),
              correction1,
              correction2,
              config.epsilonInside(),
              gradientScale);
      kernels.adamw(
          view(weights, run), view(first, run), view(second, run), view(gradients, run), step);
    }
  }

  /** m, the first moment. */
  public Parameters firstMoment() {
    return first;
  }

  /** v, the second moment. */
  public Parameters secondMoment() {
    return second;
  }

  /** Updates done. */
  public long steps() {
    return steps;
  }

  /** Goes on after {@code done} updates; the caller has filled the moments. */
  public void resumeAfter(long done) {
    steps = done;
  }

  private static Tensor view(Parameters block, Run run) {
    Tensor whole = block.block();
    Tensor part = whole.reshape(whole.cols(), 1).rows(run.from(), run.to());
    return part.reshape(1, part.rows());
  }

  private static List<Run> runs(
      ParameterLayout layout, Function<ParameterLayout.Entry, ParameterGroup> groups) {
    List<Run> runs = new ArrayList<>();
    for (ParameterLayout.Entry entry : layout.entries()) {
      ParameterGroup group = groups.apply(entry);
      if (group == null) {
        continue;
      }
      int from = Math.toIntExact(entry.start());
      int to = Math.toIntExact(entry.start() + entry.elements());
      Run last = runs.isEmpty() ? null : runs.get(runs.size() - 1);
      if (last != null && last.to() == from && last.group().equals(group)) {
        runs.set(runs.size() - 1, new Run(last.from(), to, group));
      } else {
        runs.add(new Run(from, to, group));
      }
    }
    return List.copyOf(runs);
  }
}
