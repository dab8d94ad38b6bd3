package io.holdfast.engine.strategies;

import io.holdfast.engine.optim.Schedule;
import io.holdfast.engine.options.Option;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.Frozen;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import java.util.Arrays;

/** Options of what is trained and how fast, whatever the criterion. */
public record StrategyOptions(
    @Option(
            help = "learning rate of a layer as a share of that of the one above; 1: equal",
            byDefault = "1",
            min = 0,
            aboveMin = true,
            max = 1)
        double llrd,
    @Option(
            help =
                "factors on the learning rate by equal groups of layers, lowest first, as"
                    + " 1,1.75,3.5; embeddings have the first")
        String llrdGroups,
    @Option(
            help = "highest learning rate of pooler and head; default: --learning-rate",
            min = 0,
            aboveMin = true)
        Double headLearningRate,
    @Option(help = "embeddings are not trained", byDefault = "false") boolean freezeEmbeddings,
    @Option(
            help = "the lowest N encoder layers are not trained; see --freeze-embeddings",
            byDefault = "0",
            min = 0)
        int freezeLayers,
    @Option(help = "draw the top N encoder layers afresh from the seed", byDefault = "0", min = 0)
        int reinitLayers,
    @Option(help = "draw the pooler afresh from the seed", byDefault = "false")
        boolean reinitPooler,
    @Option(
            help = "average of the weights that is evaluated and saved: mean or exponential",
            byDefault = "none")
        Average average,
    @Option(
            help = "updates before averaging begins, or a share of all if below 1",
            byDefault = "0",
            min = 0)
        double averageStart,
    @Option(help = "updates between models that are averaged", byDefault = "1", min = 1)
        int averageEvery,
    @Option(
            help = "most that the exponential average keeps of itself; less in its first updates",
            byDefault = "0.999",
            min = 0,
            max = 1,
            belowMax = true)
        double averageDecay,
    @Option(
            help = "constant learning rate while averaging; default: the schedule's",
            min = 0,
            aboveMin = true)
        Double averageLearningRate,
    @Option(
            help = "probability that a column of a linear layer is the pre-trained one",
            byDefault = "0",
            min = 0,
            max = 1,
            belowMax = true)
        double mixout) {

  /** Which average of the weights. */
  public enum Average {
    /** The weights themselves. */
    NONE,
    /** Their mean. */
    SWA,
    /** Exponential. */
    EMA
  }

  public StrategyOptions {
    if (averageStart >= 1 && averageStart != Math.rint(averageStart)) {
      throw usage(
          "--average-start is " + averageStart + ": use a share below 1 or a number of updates");
    }
    if (llrdGroups != null) {
      parse(llrdGroups);
      if (llrd != 1) {
        throw usage("--llrd and --llrd-groups both set the layers' learning rates: give one");
      }
    }
  }

  /** Throws (kind USAGE) if the model has fewer layers than the options speak of. */
  public void check(ModelConfig model) {
    atMost("--freeze-layers", freezeLayers, model);
    atMost("--reinit-layers", reinitLayers, model);
    if (llrdGroups != null) {
      atMost("--llrd-groups", parse(llrdGroups).length, model);
    }
    int lowest = model.layers() - reinitLayers;
    if (reinitLayers > 0 && freezeLayers > lowest) {
      throw usage(
          "--freeze-layers "
              + freezeLayers
              + " and --reinit-layers "
              + reinitLayers
              + " of "
              + model.layers()
              + " layers: a layer drawn afresh would never be trained; lower one");
    }
  }

  public Frozen frozen() {
    return new Frozen(freezeEmbeddings, freezeLayers);
  }

  /** Throws (kind USAGE) if a run of so many updates would end before it averages one. */
  public void checkAverage(int updates) {
    int start = averageStart(updates);
    if (averages() && (long) start + averageEvery > updates) {
      throw usage(
          "--average-start is update "
              + start
              + " and --average-every "
              + averageEvery
              + ": of "
              + updates
              + " updates none would be averaged; lower them");
    }
  }

  /** Updates before averaging begins, of a run of {@code updates}. */
  int averageStart(int updates) {
    return (int) Math.min(Integer.MAX_VALUE, Schedule.warmupUpdates(averageStart, updates));
  }

  public boolean averages() {
    return average != Average.NONE;
  }

  /** True for what {@code --reinit-layers} and {@code --reinit-pooler} draw afresh. */
  public boolean redraws(ParameterLayout.Entry entry, int layers) {
    return entry.isHead(layers)
        ? reinitPooler && entry.name().contains(".dense.")
        : entry.depth() > layers - reinitLayers;
  }

  /** The factors of {@code --llrd-groups}; null without. */
  double[] groupFactors() {
    return llrdGroups == null ? null : parse(llrdGroups);
  }

  private static double[] parse(String groups) {
    try {
      double[] factors =
          Arrays.stream(groups.split("[,/]")).mapToDouble(Double::parseDouble).toArray();
      if (Arrays.stream(factors).allMatch(f -> f > 0 && f < Double.POSITIVE_INFINITY)) {
        return factors;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw usage("--llrd-groups is '" + groups + "': write factors above 0 as 1,1.75,3.5");
  }

  private static void atMost(String flag, int value, ModelConfig model) {
    if (value > model.layers()) {
      throw usage(flag + ": " + value + " of the " + model.layers() + " layers the model has");
    }
  }

  private static HoldfastException usage(String message) {
    return new HoldfastException(HoldfastException.Kind.USAGE, message);
  }
}
