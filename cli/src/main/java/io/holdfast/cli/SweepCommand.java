package io.holdfast.cli;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.Trials;
import io.holdfast.engine.options.Options;
import io.holdfast.engine.train.TrainConfig;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** holdfast sweep: a grid, or a random search, over any options of train. */
@Command(
    name = "sweep",
    header = "Trains with many settings of any options, and compares them.",
    customSynopsis =
        "holdfast sweep --grid 'learning-rate=1e-5,3e-5' --grid 'eps=1e-5,1e-3' --model MODEL"
            + " --task TASK --data-dir DIR --output-dir OUT [OPTION...]",
    description = {
      "Every combination of the values is run; with --trials that many are drawn instead. Folders,",
      "ledger, report and going on are those of compare; the best setting comes first.",
      ""
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class SweepCommand implements Callable<Integer> {

  private static final Pattern RANGE = Pattern.compile("(linear:)?(.+)\\.\\.(.+)");

  @Option(
      names = "--grid",
      paramLabel = "<option=v1,v2,...>",
      description =
          "values of an option of train, a list among them with slashes (llrd-groups=1/1.75/3.5); may"
              + " be repeated")
  private List<String> grid = List.of();

  @Option(
      names = "--range",
      paramLabel = "<option=low..high>",
      description =
          "for --trials: a range whose logarithm is uniform, or linear:low..high; may be repeated")
  private List<String> ranges = List.of();

  @Option(
      names = "--trials",
      paramLabel = "<integer>",
      description = "random search: this many settings, each value drawn from its list or range")
  private int trials;

  @Option(
      names = "--draw-seed",
      paramLabel = "<integer>",
      description = "for --trials: seed of the settings; default ${DEFAULT-VALUE}")
  private long drawSeed = 1;

  @Mixin private GridOptions options;
  @Mixin private TrainArguments arguments;

  @Override
  public Integer call() {
    if (arguments.listsRecipes()) {
      System.out.print(Recipes.list());
      return 0;
    }
    TrainArguments.Given given = given();
    String seed =
        given
            .values()
            .getOrDefault(
                "seed", String.valueOf(Options.defaultMap(TrainConfig.class).get("seed")));
    return options.run(given, settings(given), seed, Comparison.Order.BEST_FIRST);
  }

  TrainArguments.Given given() {
    return arguments.given();
  }

  /** What is swept over, by the names of the settings. */
  Map<String, Map<String, String>> settings(TrainArguments.Given given) {
    Map<String, List<String>> lists = new LinkedHashMap<>();
    Map<String, Trials.Range> intervals = new LinkedHashMap<>();
    for (String text : grid) {
      String key = key(text);
      lists.put(
          key,
          Stream.of(value(text).split(",", -1)).map(v -> TrainFlags.ours(key, v.strip())).toList());
    }
    ranges.forEach(text -> intervals.put(key(text), range(text)));
    Set<String> swept = new LinkedHashSet<>(lists.keySet());
    swept.addAll(intervals.keySet());
    if (swept.isEmpty() || swept.size() < grid.size() + ranges.size()) {
      throw Main.usage("name each option once with --grid 'option=v1,v2' or --range 'option=a..b'");
    }
    if (trials < 0 || trials == 0 && !ranges.isEmpty()) {
      throw Main.usage("--range needs --trials: how many settings to draw, >= 1");
    }
    for (String key : swept) {
      if (key.equals("seed")) {
        throw Main.usage("the seed is no setting: give --seeds");
      } else if (TrainConfig.FREE.contains(key)) {
        throw Main.usage(
            "--%s cannot be swept over: it is data, or changes no result"
                .formatted(key.replace('_', '-')));
      } else if (given.flags().containsKey(key)) {
        String flag = "--" + key.replace('_', '-');
        throw Main.usage(flag + " is swept over and given as well: use one of them");
      }
    }
    if (trials == 0) {
      return Trials.product(lists);
    }
    var settings = Trials.random(trials, drawSeed, lists, intervals);
    if (settings.size() < trials) {
      LoggerFactory.getLogger(Logs.ERRORS)
          .warn("of {} trials only {} are different: they are run", trials, settings.size());
    }
    return settings;
  }

  /** Our key of the option that "option=…" names. */
  private static String key(String text) {
    int equals = text.indexOf('=');
    String key = TrainFlags.key(text.substring(0, Math.max(equals, 0)).replaceFirst("^--", ""));
    List<String> known = TrainFlags.all().stream().map(Options.Info::key).toList();
    if (!known.contains(key)) {
      List<String> flags = TrainFlags.all().stream().map(Options.Info::flag).toList();
      String typed = "--" + (key.isEmpty() ? text : key).replace('_', '-');
      throw Main.usage(
          "'" + text + "' names no option with =: did you mean " + Nearest.of(typed, flags) + "?");
    }
    return key;
  }

  private static String value(String text) {
    return text.substring(text.indexOf('=') + 1);
  }

  private static Trials.Range range(String text) {
    Matcher parts = RANGE.matcher(value(text));
    try {
      if (parts.matches()) {
        double low = Double.parseDouble(parts.group(2));
        double high = Double.parseDouble(parts.group(3));
        boolean log = parts.group(1) == null;
        if (low < high && (low > 0 || !log)) {
          boolean integer =
              TrainFlags.all().stream()
                  .anyMatch(o -> o.key().equals(key(text)) && o.type().equals("integer"));
          return new Trials.Range(low, high, log, integer);
        }
      }
    } catch (NumberFormatException e) {
      // Said below, as of any other text that is no range.
    }
    throw Main.usage(
        "--range '" + text + "': write option=low..high with 0 < low < high, or linear:low..high");
  }
}
