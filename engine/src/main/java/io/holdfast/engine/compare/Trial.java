package io.holdfast.engine.compare;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.options.Options;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.kernels.HoldfastException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One run of a grid, before it is run.
 *
 * @param name of the run and of its folder
 * @param options by key, as they were asked for; its folder among them
 * @param config the same with every default
 */
public record Trial(String name, Map<String, String> options, TrainConfig config) {

  /** Throws (kind USAGE) for options that no run can have. */
  public static Trial of(String name, Map<String, String> options) {
    TrainConfig config = TrainConfig.of(options);
    Criteria.create(config.criterion(), config.criterionOptions());
    return new Trial(name, Map.copyOf(options), config);
  }

  /**
   * Throws (kind USAGE), with every difference, if a result of this name is of another run. An
   * option that the result does not name had its default.
   */
  public void requireSame(RunResult result) {
    Map<String, Object> is = config.toMap();
    Map<String, Object> known = new LinkedHashMap<>(result.config());
    List<Options.Info> all = Options.describe(TrainConfig.class);
    all.stream()
        .filter(option -> option.free() && is.get(option.key()) != null)
        .forEach(option -> known.put(option.key(), is.get(option.key())));
    Map<String, Object> was = TrainConfig.of(known).toMap();
    List<String> differences =
        all.stream()
            .filter(option -> !Objects.equals(was.get(option.key()), is.get(option.key())))
            .map(o -> o.flag() + " was " + was.get(o.key()) + ", is " + is.get(o.key()))
            .toList();
    if (!differences.isEmpty()) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "run "
              + name
              + " is there with other options: "
              + String.join("; ", differences)
              + "; name another --output-dir, or give the same options");
    }
  }
}
