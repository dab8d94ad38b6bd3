package io.holdfast.engine.report;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.Comparison.Arm;
import io.holdfast.engine.compare.Comparison.TaskRuns;
import io.holdfast.engine.compare.Statistics;
import io.holdfast.engine.run.Json;
import java.util.List;
import java.util.Locale;

/** A comparison in numbers: a table a task as text or Markdown, or all of it as JSON. */
public final class Summary {

  private static final List<String> HEADER =
      List.of(
          "",
          "runs",
          "failed",
          "mean",
          "s.d.",
          "median",
          "min",
          "max",
          "95 % interval",
          "last",
          "diff.",
          "p",
          "seconds",
          "passes",
          "MiB");

  /** What the columns mean, below the tables. */
  static final List<String> NOTES =
      List.of(
          "Scores are of the best evaluation of each run, which is that of its saved model; 'last'"
              + " is the mean at the last evaluation. s.d.: sample standard deviation over the"
              + " runs.",
          "failed: diverged, stopped as degenerate, or at the last evaluation not better than always"
              + " giving its rows' most frequent label (Mosbach et al. 2021). A run that diverged,"
              + " or whose metric was never defined, counts with the score of that.",
          "95 % interval: percentile bootstrap of the mean, "
              + Statistics.RESAMPLES
              + " resamples.",
          "diff., p: mean difference to the first row over equal seeds, and the two-sided paired"
              + " permutation test of it: all sign flips up to 2^"
              + Statistics.EXACT_PAIRS
              + ", as many drawn ones beyond; in brackets how many seeds, where some have no"
              + " partner. n pairs cannot give a p below 2^(1−n). p is not corrected for the number"
              + " of comparisons. Where the first row is the best of a search its lead is that of"
              + " the luckiest too, and p too small.",
          "seconds: mean time of the updates of a run; compare only runs of one machine with as many"
              + " at a time. passes: forwards and backwards per update relative to cross_entropy's."
              + " MiB: most memory of a run's process.");

  private final Comparison comparison;

  public Summary(Comparison comparison) {
    this.comparison = comparison;
  }

  /** Aligned columns. */
  public String text() {
    StringBuilder text = new StringBuilder();
    for (TaskRuns task : comparison.tasks()) {
      text.append(text.isEmpty() ? "" : "\n").append(title(task)).append('\n');
      text.append(table(task).text());
    }
    return text.toString();
  }

  public String markdown() {
    StringBuilder text = new StringBuilder("# Comparison\n");
    for (TaskRuns task : comparison.tasks()) {
      text.append("\n## ").append(title(task)).append("\n\n").append(table(task).markdown());
    }
    text.append('\n');
    NOTES.forEach(note -> text.append("- ").append(note).append('\n'));
    return text.toString();
  }

  /** "rte: accuracy, majority class 0.5271". */
  static String title(TaskRuns task) {
    String majority =
        Double.isNaN(task.majority()) ? "" : ", majority class " + score(task.majority());
    return task.task() + ": " + task.metric().replace('_', ' ') + majority;
  }

  static Table table(TaskRuns task) {
    return new Table(HEADER, task.arms().stream().map(arm -> row(task, arm)).toList());
  }

  private static List<String> row(TaskRuns task, Arm arm) {
    boolean compared = arm != task.baseline();
    double[] scores = arm.scores();
    return List.of(
        arm.label(),
        arm.scores().length < arm.runs().size()
            ? arm.scores().length + " of " + arm.runs().size()
            : String.valueOf(arm.runs().size()),
        String.valueOf(arm.failed()),
        score(arm.mean()),
        score(Statistics.deviation(scores)),
        score(Statistics.median(scores)),
        score(Statistics.quantile(scores, 0)),
        score(Statistics.quantile(scores, 1)),
        score(arm.interval().low()) + " – " + score(arm.interval().high()),
        score(Statistics.mean(arm.last())),
        compared ? number("%+.4f", arm.difference()) + pairs(arm) : "",
        compared ? number(arm.p() < 0.001 ? "%.1e" : "%.3f", arm.p()) : "",
        number(arm.seconds() < 100 ? "%.1f" : "%.0f", arm.seconds()),
        number("%.2f", arm.passes()),
        arm.peakMemory() == 0 ? "–" : String.valueOf(arm.peakMemory() >> 20));
  }

  /** Said where runs have no partner. */
  private static String pairs(Arm arm) {
    return arm.pairs() < arm.runs().size() ? " (" + arm.pairs() + ")" : "";
  }

  static String score(double value) {
    return number("%.4f", value);
  }

  static String number(String format, double value) {
    return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, format, value);
  }

  /** Every number of the tables, and which runs they are of. */
  public ObjectNode json() {
    ObjectNode json = Json.object();
    var tasks = json.putArray("tasks");
    for (TaskRuns task : comparison.tasks()) {
      ObjectNode one = tasks.addObject();
      one.put("task", task.task()).put("metric", task.metric()).put("majority", task.majority());
      one.put("baseline", task.baseline().label());
      var arms = one.putArray("arms");
      task.arms().forEach(arm -> fill(arms.addObject(), arm));
    }
    return json;
  }

  private static void fill(ObjectNode json, Arm arm) {
    double[] scores = arm.scores();
    json.put("label", arm.label()).put("runs", arm.runs().size()).put("failed", arm.failed());
    json.put("failed_rate", (double) arm.failed() / arm.runs().size());
    json.put("mean", arm.mean()).put("sd", Statistics.deviation(scores));
    json.put("median", Statistics.median(scores));
    json.put("min", Statistics.quantile(scores, 0)).put("max", Statistics.quantile(scores, 1));
    json.put("interval_low", arm.interval().low()).put("interval_high", arm.interval().high());
    json.put("last_mean", Statistics.mean(arm.last()));
    json.put("difference", arm.difference()).put("pairs", arm.pairs()).put("p", arm.p());
    json.put("seconds", arm.seconds()).put("passes", arm.passes());
    json.put("peak_memory_bytes", arm.peakMemory());
    var seeds = json.putArray("seeds");
    arm.runs().forEach(run -> seeds.add(run.seed()));
    json.set("scores", Json.tree(scores));
  }
}
