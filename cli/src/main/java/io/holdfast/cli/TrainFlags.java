package io.holdfast.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.options.Options;
import io.holdfast.engine.run.Json;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * The options of {@link TrainConfig} as flags: names, types, ranges and defaults come from the
 * record, other trainers' names for them from here.
 */
final class TrainFlags {

  /** Names of Hugging Face's run_glue and of fairseq-train, by our key. */
  private static final Map<String, List<String>> ALIASES =
      Map.ofEntries(
          Map.entry("model", List.of("--model-name-or-path")),
          Map.entry("task", List.of("--task-name")),
          Map.entry("max_seq_length", List.of("--max-positions")),
          Map.entry(
              "per_device_train_batch_size",
              List.of("--train-batch-size", "--batch-size", "--max-sentences")),
          Map.entry("per_device_eval_batch_size", List.of("--eval-batch-size")),
          Map.entry("gradient_accumulation_steps", List.of("--update-freq")),
          Map.entry("learning_rate", List.of("--lr")),
          Map.entry("warmup", List.of("--warmup-steps", "--warmup-ratio", "--warmup-updates")),
          Map.entry("lr_end", List.of("--end-learning-rate")),
          Map.entry("lr_power", List.of("--power")),
          Map.entry("num_train_epochs", List.of("--max-epoch")),
          Map.entry("max_steps", List.of("--max-update")),
          Map.entry("adam_epsilon", List.of("--adam-eps")),
          Map.entry("max_grad_norm", List.of("--clip-norm")),
          Map.entry("hidden_dropout_prob", List.of("--dropout")),
          Map.entry("attention_probs_dropout_prob", List.of("--attention-dropout")),
          Map.entry("classifier_dropout", List.of("--pooler-dropout")),
          Map.entry("r_drop_alpha", List.of("--rdrop-alpha")),
          Map.entry("sift_lambda", List.of("--vat-lambda")),
          Map.entry("sift_init_perturbation", List.of("--vat-init-perturbation")),
          Map.entry("sift_step_size", List.of("--vat-learning-rate")),
          Map.entry("patience", List.of("--early-stopping-patience")),
          Map.entry("eval_strategy", List.of("--evaluation-strategy")),
          Map.entry("logging_steps", List.of("--log-interval")),
          Map.entry("output_dir", List.of("--save-dir")));

  /** Values that other trainers write for ours, and the options that take them. */
  private static final Map<String, String> VALUES =
      Map.of(
          "sentence_prediction_r3f", "r3f",
          "sentence_prediction", "cross_entropy",
          "cross-entropy", "cross_entropy",
          "polynomial_decay", "polynomial",
          "constant_with_warmup", "constant");

  private static final Set<String> RENAMED = Set.of("criterion", "lr_scheduler_type");

  private TrainFlags() {}

  static List<Options.Info> all() {
    return Options.describe(TrainConfig.class);
  }

  static void addTo(CommandSpec spec) {
    for (Options.Info info : all()) {
      OptionSpec.Builder option =
          OptionSpec.builder(info.flag())
              .type(String.class)
              .paramLabel(info.isBoolean() ? "true|false" : "<" + info.type() + ">")
              .description(describe(info).replace("%", "%%"));
      if (info.isBoolean()) {
        option.arity("0..1").fallbackValue("true");
      } else {
        option.arity("1");
      }
      spec.addOption(option.build());
    }
  }

  static String describe(Options.Info info) {
    String range = info.range().isEmpty() ? "" : "; " + info.range();
    String byDefault = info.byDefault() == null ? "" : "; default " + info.byDefault();
    List<String> aliases = ALIASES.getOrDefault(info.key(), List.of());
    String also = aliases.isEmpty() ? "" : "; also " + String.join(", ", aliases);
    return info.help() + range + byDefault + also;
  }

  /** The flags that were given, by key. */
  static Map<String, String> given(ParseResult line) {
    Map<String, String> values = new LinkedHashMap<>();
    for (Options.Info info : all()) {
      String value = line.matchedOptionValue(info.flag(), null);
      if (value != null) {
        values.put(info.key(), ours(info.key(), value));
      }
    }
    return values;
  }

  /** Options from a JSON object, or from the "config" of a run.json, by key. */
  static Map<String, String> read(Path file) {
    ObjectNode json = parse(file.toString(), text(file));
    return options(file.toString(), json.get("config") instanceof ObjectNode run ? run : json);
  }

  /**
   * @param source named in what is said of a bad option
   */
  static Map<String, String> options(String source, ObjectNode options) {
    Map<String, String> values = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : options.properties()) {
      if (entry.getValue().isContainerNode()) {
        throw Main.usage(source + ": '" + entry.getKey() + "' is not one value");
      }
      if (!entry.getValue().isNull()) {
        String key = key(entry.getKey());
        String value = ours(key, entry.getValue().asText());
        String other = values.put(key, value);
        if (other != null && !other.equals(value)) {
          values.put(key, either(source, entry.getKey(), key, other, value));
        }
      }
    }
    return values;
  }

  /**
   * Of Hugging Face's two options for the warm-up, files have both, and 0 leaves it to the other.
   */
  private static String either(String source, String name, String key, String a, String b) {
    if (key.equals("warmup") && (isZero(a) || isZero(b))) {
      return isZero(a) ? b : a;
    }
    throw Main.usage(
        source
            + ": '"
            + name
            + "' is "
            + b
            + " where another name of --"
            + key.replace('_', '-')
            + " is "
            + a
            + ": leave one out");
  }

  private static boolean isZero(String number) {
    return number.matches("0+(\\.0*)?");
  }

  /** Our name for a value that another trainer writes. */
  static String ours(String key, String value) {
    return RENAMED.contains(key) ? VALUES.getOrDefault(value, value) : value;
  }

  static ObjectNode parse(String source, String text) {
    try {
      return Json.parse(text);
    } catch (IllegalArgumentException e) {
      throw Main.usage(source + ": not options in JSON: " + e.getMessage());
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE, file + ": cannot be read; --config names a JSON file", e);
    }
  }

  /** Our key for one of ours or of another trainer, in any spelling. */
  static String key(String name) {
    return canonical("--" + name.replace('_', '-')).substring(2).replace('-', '_');
  }

  /** Our flag for another trainer's; any other is returned as it is. */
  static String canonical(String flag) {
    return ALIASES.entrySet().stream()
        .filter(entry -> entry.getValue().contains(flag))
        .map(entry -> "--" + entry.getKey().replace('_', '-'))
        .findFirst()
        .orElse(flag);
  }
}
