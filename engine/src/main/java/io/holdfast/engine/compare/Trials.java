package io.holdfast.engine.compare;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Philox;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Plans the trials of a grid: tasks × settings × seeds. */
public final class Trials {

  /** For each setting asked for, after which no others are expected. */
  private static final int DRAWS = 50;

  private Trials() {}

  /**
   * A range to draw a value from.
   *
   * @param log the logarithm is uniform; otherwise the value is
   * @param integer values are rounded
   */
  public record Range(double low, double high, boolean log, boolean integer) {

    /** The value at a share of the way from low to high, with five digits. */
    String at(double share) {
      double value = log ? low * Math.pow(high / low, share) : low + share * (high - low);
      return integer
          ? String.valueOf(Math.round(value))
          : String.valueOf(Double.parseDouble(String.format(java.util.Locale.ROOT, "%.4e", value)));
    }
  }

  /**
   * Every combination, all tasks and settings of a seed before the next seed, so that a grid that
   * is stopped early compares like with like. A run is named task-setting-seed.
   *
   * @param common options of every run, by key
   * @param tasks options of each task, by its name
   * @param settings options of each way of training, by its name
   * @param folder of the run folders
   */
  public static List<Trial> plan(
      Map<String, String> common,
      Map<String, Map<String, String>> tasks,
      Map<String, Map<String, String>> settings,
      List<Long> seeds,
      Path folder) {
    List<Trial> trials = new ArrayList<>();
    for (long seed : seeds) {
      tasks.forEach(
          (task, taskOptions) ->
              settings.forEach(
                  (setting, settingOptions) -> {
                    String name = task + "-" + setting + "-" + seed;
                    Map<String, String> options = new LinkedHashMap<>(common);
                    options.putAll(taskOptions);
                    options.putAll(settingOptions);
                    options.put("seed", String.valueOf(seed));
                    options.put("output_dir", folder.resolve(name).toString());
                    trials.add(Trial.of(name, options));
                  }));
    }
    return trials;
  }

  /** Every combination of values, the last option's changing fastest, by its name. */
  public static Map<String, Map<String, String>> product(Map<String, List<String>> values) {
    List<Map<String, String>> all = List.of(Map.of());
    for (Map.Entry<String, List<String>> option : values.entrySet()) {
      List<Map<String, String>> longer = new ArrayList<>();
      for (Map<String, String> start : all) {
        for (String value : option.getValue()) {
          Map<String, String> one = new LinkedHashMap<>(start);
          one.put(option.getKey(), value);
          longer.add(one);
        }
      }
      all = longer;
    }
    return named(all);
  }

  private static Map<String, Map<String, String>> named(List<Map<String, String>> all) {
    Map<String, Map<String, String>> named = new LinkedHashMap<>();
    for (Map<String, String> one : all) {
      String name =
          one.entrySet().stream()
              .map(e -> e.getKey().replace('_', '-') + "=" + e.getValue())
              .collect(Collectors.joining("_"))
              .replaceAll("[^A-Za-z0-9.=_+-]", "-");
      if (named.put(name, one) != null) {
        throw usage("two settings are named " + name + ": leave one out");
      }
    }
    return named;
  }

  /**
   * Settings drawn at random: the value of an option is a function of the seed, the number of the
   * trial and the option's name, so more trials, or another option, leave the others as they are. A
   * trial that repeats another is left out; where there are fewer than {@code count}, all are there
   * after some draws.
   *
   * @param lists options of which one of the values is drawn
   */
  public static Map<String, Map<String, String>> random(
      int count, long seed, Map<String, List<String>> lists, Map<String, Range> ranges) {
    Map<String, Map<String, String>> settings = new LinkedHashMap<>();
    for (int trial = 0; settings.size() < count && trial < DRAWS * count; trial++) {
      Map<String, String> one = new LinkedHashMap<>();
      for (Map.Entry<String, List<String>> option : lists.entrySet()) {
        List<String> values = option.getValue();
        one.put(
            option.getKey(),
            values.get((int) (values.size() * share(seed, trial, option.getKey()))));
      }
      for (Map.Entry<String, Range> option : ranges.entrySet()) {
        one.put(option.getKey(), option.getValue().at(share(seed, trial, option.getKey())));
      }
      if (!settings.containsValue(one)) {
        settings.put("trial" + trial, one);
      }
    }
    return settings;
  }

  private static double share(long seed, int trial, String option) {
    return Philox.uniform(Philox.word(Key.of(seed).at(option.hashCode()), 0, trial, 0, 0));
  }

  /** Of "0-4,7": 0, 1, 2, 3, 4, 7. */
  public static List<Long> seeds(String text) {
    List<Long> seeds = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      String[] ends = part.strip().split("(?<=\\d)-", 2);
      try {
        long first = Long.parseLong(ends[0]);
        long last = Long.parseLong(ends[ends.length - 1]);
        if (last < first || last - first > 10_000) {
          throw new NumberFormatException();
        }
        for (long seed = first; seed <= last; seed++) {
          seeds.add(seed);
        }
      } catch (NumberFormatException e) {
        throw usage("--seeds is '" + text + "': write 0-9, or 1,2,5");
      }
    }
    Set<Long> different = new HashSet<>(seeds);
    if (different.size() < seeds.size()) {
      throw usage("--seeds is '" + text + "': one is there twice");
    }
    return seeds;
  }

  private static HoldfastException usage(String message) {
    return new HoldfastException(HoldfastException.Kind.USAGE, message);
  }
}
