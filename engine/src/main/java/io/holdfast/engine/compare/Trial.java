package io.holdfast.engine.compare;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.data.DatasetReader;
import io.holdfast.engine.data.Split;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.kernels.HoldfastException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One run of a grid, before it is run.
 *
 * @param name of the run and of its folder
 * @param options by key, as they were asked for; its folder among them
 * @param config the same with every default
 */
public record Trial(String name, Map<String, String> options, TrainConfig config) {

  /** The data that decide what a run comes to. */
  private static final Map<String, Split> SPLITS =
      Map.of("train", Split.TRAIN, "validation", Split.DEV);

  /** Throws (kind USAGE) for options that no run can have. */
  public static Trial of(String name, Map<String, String> options) {
    TrainConfig config = TrainConfig.of(options);
    Criteria.create(config.criterion(), config.criterionOptions());
    return new Trial(name, Map.copyOf(options), config);
  }

  /** The options that decide what the run comes to, as {@link RunResult#config} has them. */
  public Map<String, String> decisive() {
    Map<String, String> decisive = new LinkedHashMap<>();
    config
        .toMap()
        .forEach(
            (key, value) -> {
              if (value != null && !TrainConfig.FREE.contains(key)) {
                decisive.put(key, value.toString());
              }
            });
    decisive.put("task", Tasks.nameOf(config.task(), config.trainFile()));
    return decisive;
  }

  /**
   * Throws (kind USAGE), with every difference, if a result of this name is of another run: other
   * options that matter, or other data.
   */
  public void requireSame(RunResult result) {
    List<String> differences = config.differences(result.config());
    differences.addAll(otherData(result.data()));
    if (!differences.isEmpty()) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "run "
              + name
              + " is there already, but "
              + String.join("; ", differences)
              + "; name another --output-dir, or give the same options");
    }
  }

  private List<String> otherData(Map<String, String> hashes) {
    List<String> differences = new ArrayList<>();
    SPLITS.forEach(
        (name, split) -> {
          String was = hashes.get(name);
          Path file = was == null ? null : config.file(split);
          if (file != null && !was.equals(DatasetReader.sha256(file))) {
            differences.add("the " + name + " data was other than " + file + " now");
          }
        });
    return differences;
  }
}
