package io.holdfast.engine.compare;

import io.holdfast.engine.options.Options;
import io.holdfast.engine.train.TrainConfig;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Names of the ways of training among runs of one task: the criterion, and the options in which
 * runs of that criterion differ. Runs that differ in the seed alone have the same name. An option
 * that a run does not name, because there was none of that name yet, had its default.
 */
final class Labels {

  private static final String CRITERION = "criterion";

  private static final Set<String> NOT_COMPARED = Set.of("seed", "task", CRITERION);

  private static final Map<String, Object> DEFAULTS = Options.defaultMap(TrainConfig.class);

  private final boolean oneCriterion;
  private final Map<String, Set<String>> varying = new LinkedHashMap<>();

  /**
   * @param configs of the runs, see {@link RunResult#config}
   */
  Labels(List<Map<String, String>> configs) {
    for (Map<String, String> config : configs) {
      varying.computeIfAbsent(config.get(CRITERION), criterion -> varying(criterion, configs));
    }
    oneCriterion = varying.size() == 1;
  }

  private static Set<String> varying(String criterion, List<Map<String, String>> all) {
    List<Map<String, String>> configs =
        all.stream().filter(config -> config.get(CRITERION).equals(criterion)).toList();
    Set<String> keys = new LinkedHashSet<>();
    configs.forEach(config -> keys.addAll(config.keySet()));
    keys.removeAll(NOT_COMPARED);
    keys.removeIf(key -> configs.stream().map(c -> text(c, key)).distinct().count() == 1);
    return keys;
  }

  /** The options in which the runs of one criterion differ. */
  Set<String> varying() {
    return varying.values().stream()
        .flatMap(Set::stream)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  String of(Map<String, String> config) {
    String criterion = config.get(CRITERION);
    String options =
        varying.get(criterion).stream()
            .map(key -> key.replace('_', '-') + "=" + value(text(config, key)))
            .collect(Collectors.joining(" "));
    if (options.isEmpty()) {
      return criterion;
    }
    return oneCriterion ? options : criterion + " " + options;
  }

  private static String text(Map<String, String> config, String key) {
    Object byDefault = DEFAULTS.get(key);
    return config.getOrDefault(key, byDefault == null ? "none" : byDefault.toString());
  }

  /** Numbers as people write them: 1.0E-5 is 1e-5. */
  private static String value(String text) {
    boolean number = text.matches("-?\\d+(\\.\\d+)?(E-?\\d+)?");
    return number ? text.replaceFirst("\\.0(?=E|$)", "").replace('E', 'e') : text;
  }
}
