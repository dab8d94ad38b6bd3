package io.holdfast.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Options of training on a command line: the flags of {@link TrainFlags}, a file of them, a recipe.
 */
final class TrainArguments {

  private static final Pattern BETAS =
      Pattern.compile("\\(?\\s*([^,\\s]+)\\s*,\\s*([^,\\s)]+)\\s*\\)?");

  /** Options that stand for others, by key. */
  private static final Map<String, List<String>> REPLACES =
      Map.ofEntries(
          Map.entry("data_dir", List.of("train_file", "validation_file")),
          Map.entry("train_file", List.of("data_dir")),
          Map.entry(
              "task",
              List.of(
                  "text_column",
                  "text_pair_column",
                  "label_column",
                  "regression",
                  "metric_for_best_model")),
          Map.entry("text_column", List.of("task")),
          Map.entry("label_column", List.of("task")),
          Map.entry("regression", List.of("task")),
          Map.entry("llrd", List.of("llrd_groups")),
          Map.entry("llrd_groups", List.of("llrd")));

  @Option(
      names = "--config",
      paramLabel = "<path>",
      description = "options from a JSON file, or from a run.json; flags come before it")
  private Path config;

  @Option(
      names = "--recipe",
      paramLabel = "<name>",
      description = "published settings by name, 'list' shows them; flags and file come before it")
  private String recipe;

  @Option(
      names = "--spectral-norm-classification-head",
      description = "with --criterion r3f: fairseq's way to ask for --criterion r4f")
  private boolean spectralNorm;

  @Option(names = "--adam-betas", hidden = true)
  private String betas;

  @Option(
      names = {"--do-train", "--do-eval", "--do-predict"},
      hidden = true)
  private boolean[] actions;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  /**
   * What was asked for, by key.
   *
   * @param flags on the command line
   * @param values of the flags, then of the file, then of the recipe
   */
  record Given(Map<String, String> flags, Map<String, String> values) {}

  /** True for {@code --recipe list}, which asks for no run. */
  boolean listsRecipes() {
    return "list".equals(recipe);
  }

  /** Flags, then the configuration file, then the recipe; defaults are not there. */
  Given given() {
    Map<String, String> values = new LinkedHashMap<>();
    if (recipe != null) {
      values.putAll(Recipes.read(recipe));
    }
    if (config != null) {
      replace(values, TrainFlags.read(config));
    }
    Map<String, String> flags = TrainFlags.given(command.commandLine().getParseResult());
    if (betas != null) {
      Matcher pair = BETAS.matcher(betas);
      if (!pair.matches()) {
        throw Main.usage("--adam-betas is '" + betas + "': write it as \"(0.9, 0.999)\"");
      }
      flags.put("adam_beta1", pair.group(1));
      flags.put("adam_beta2", pair.group(2));
    }
    replace(values, flags);
    if (spectralNorm) {
      makeR4f(values);
    }
    return new Given(flags, values);
  }

  /** Puts options over those of a file or a recipe, and what they exclude of these away. */
  private static void replace(Map<String, String> values, Map<String, String> over) {
    over.keySet().forEach(key -> values.keySet().removeAll(REPLACES.getOrDefault(key, List.of())));
    values.putAll(over);
  }

  /** fairseq's flag for a spectrally normalised head is a criterion here. */
  private static void makeR4f(Map<String, String> values) {
    String criterion = values.getOrDefault("criterion", "cross_entropy");
    if (!criterion.equals("r3f") && !criterion.equals("r4f")) {
      throw Main.usage(
          "--spectral-norm-classification-head makes r4f of --criterion r3f and means nothing with "
              + criterion
              + ": leave it out, or give --criterion r4f");
    }
    if (values.put("criterion", "r4f").equals("r3f")) {
      LoggerFactory.getLogger(Logs.RUN)
          .info("r3f with --spectral-norm-classification-head is --criterion r4f");
    }
  }
}
