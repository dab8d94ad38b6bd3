package io.holdfast.engine.compare;

import io.holdfast.engine.compare.Statistics.Interval;
import io.holdfast.engine.metrics.Metrics;
import io.holdfast.kernels.HoldfastException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/** Runs, by task and by way of training, with statistics over the seeds. */
public record Comparison(List<TaskRuns> tasks) {

  private static final String BASELINE = "cross_entropy";

  /** Of the arms of a task; the baseline is before all. */
  public enum Order {
    /** As their first runs come. */
    GIVEN,
    /** By mean score. */
    BEST_FIRST
  }

  /**
   * @param metric the scores' metric
   * @param majority its value for always giving the most frequent label; NaN if unknown
   * @param varying keys of the options in which runs of one criterion differ
   * @param baseline the arm that the others are compared with
   */
  public record TaskRuns(
      String task,
      String metric,
      double majority,
      List<String> varying,
      Arm baseline,
      List<Arm> arms) {

    public boolean lowerIsBetter() {
      return Metrics.lowerIsBetter(metric);
    }
  }

  /**
   * One way of training on one task. A run that diverged has no model; it counts with the score of
   * the majority class, which is what is left to its user.
   *
   * @param runs ordered by seed
   * @param failed how many failed: diverged, were stopped as degenerate, or had a last evaluation
   *     that is not defined or not better than the majority class (Mosbach, Andriushchenko, Klakow
   *     2021)
   * @param scores by run, of the best evaluation, of one that is not defined the majority class's;
   *     runs without any are left out
   * @param last by run, of the last evaluation
   * @param interval bootstrap interval of the mean score
   * @param difference mean of score − baseline's score over the seeds that both have
   * @param pairs number of these seeds
   * @param p of the paired permutation test of these differences; NaN for the baseline
   */
  public record Arm(
      String label,
      List<RunResult> runs,
      int failed,
      double[] scores,
      double[] last,
      Interval interval,
      double difference,
      int pairs,
      double p) {

    public double mean() {
      return Statistics.mean(scores);
    }

    /** Mean time of the updates of a run. */
    public double seconds() {
      return Statistics.mean(Comparison.known(runs, RunResult::seconds));
    }

    /** Mean passes of an update, relative to cross-entropy's. */
    public double passes() {
      return Statistics.mean(Comparison.known(runs, RunResult::passes));
    }

    /** Most bytes that any of the runs held. */
    public long peakMemory() {
      return runs.stream().mapToLong(RunResult::peakMemory).max().orElse(0);
    }
  }

  /**
   * Groups runs; tasks come in the order of their first run.
   *
   * @param baseline label of the arm to compare with; null: cross_entropy, or else the first
   */
  public static Comparison of(List<RunResult> runs, String baseline, Order order) {
    Map<String, List<RunResult>> byTask = new LinkedHashMap<>();
    runs.forEach(run -> byTask.computeIfAbsent(run.task(), t -> new ArrayList<>()).add(run));
    List<TaskRuns> tasks = new ArrayList<>();
    byTask.forEach((task, own) -> tasks.add(taskRuns(task, own, baseline, order)));
    return new Comparison(List.copyOf(tasks));
  }

  private static TaskRuns taskRuns(String task, List<RunResult> runs, String wanted, Order order) {
    String metric = runs.get(0).metric();
    Labels labels = new Labels(runs.stream().map(RunResult::config).toList());
    Map<String, Map<Long, RunResult>> arms = grouped(task, runs, labels);
    double majority =
        runs.stream()
            .mapToDouble(RunResult::majority)
            .filter(m -> !Double.isNaN(m))
            .findFirst()
            .orElse(Double.NaN);
    if (order == Order.BEST_FIRST) {
      arms = bestFirst(arms, metric, majority);
    }
    String base = baseline("runs of " + task, arms.keySet(), wanted);
    Map<Long, RunResult> baseRuns = arms.remove(base);
    List<Arm> all = new ArrayList<>(List.of(arm(base, baseRuns, Map.of(), metric, majority)));
    arms.forEach((label, own) -> all.add(arm(label, own, baseRuns, metric, majority)));
    return new TaskRuns(
        task, metric, majority, List.copyOf(labels.varying()), all.get(0), List.copyOf(all));
  }

  /** Runs by arm and seed. */
  private static Map<String, Map<Long, RunResult>> grouped(
      String task, List<RunResult> runs, Labels labels) {
    Map<String, Map<Long, RunResult>> arms = new LinkedHashMap<>();
    for (RunResult run : runs) {
      if (!run.metric().equals(runs.get(0).metric())) {
        throw usage("the runs of task " + task + " differ in their metric: compare one at a time");
      }
      for (String data : List.of("train", "validation")) {
        if (!Objects.equals(run.data().get(data), runs.get(0).data().get(data))) {
          throw usage(
              "runs "
                  + runs.get(0).run()
                  + " and "
                  + run.run()
                  + " of task "
                  + task
                  + " differ in their "
                  + data
                  + " data: compare one at a time");
        }
      }
      var bySeed = arms.computeIfAbsent(labels.of(run.config()), label -> new TreeMap<>());
      if (bySeed.put(run.seed(), run) != null) {
        throw usage(
            "two runs of " + task + ", " + labels.of(run.config()) + ", seed " + run.seed());
      }
    }
    return arms;
  }

  private static Map<String, Map<Long, RunResult>> bestFirst(
      Map<String, Map<Long, RunResult>> arms, String metric, double majority) {
    Map<String, Map<Long, RunResult>> sorted = new LinkedHashMap<>();
    arms.entrySet().stream()
        .sorted(
            Comparator.comparing(
                arm -> Statistics.mean(known(arm.getValue().values(), r -> score(r, majority))),
                Metrics.byQuality(metric).reversed()))
        .forEach(arm -> sorted.put(arm.getKey(), arm.getValue()));
    return sorted;
  }

  /** Throws (kind USAGE) if these trials will make no arm of that name; null is any. */
  public static void requireBaseline(List<Trial> trials, String wanted) {
    List<Map<String, String>> configs = trials.stream().map(Trial::decisive).toList();
    Labels labels = new Labels(configs);
    Set<String> arms = new LinkedHashSet<>();
    configs.forEach(config -> arms.add(labels.of(config)));
    baseline("runs", arms, wanted);
  }

  private static String baseline(String what, Set<String> arms, String wanted) {
    if (wanted != null && !arms.contains(wanted)) {
      throw usage("no " + what + " are named '" + wanted + "': there are " + arms);
    }
    return wanted != null ? wanted : arms.contains(BASELINE) ? BASELINE : arms.iterator().next();
  }

  private static Arm arm(
      String label,
      Map<Long, RunResult> runs,
      Map<Long, RunResult> baseline,
      String metric,
      double majority) {
    List<RunResult> all = List.copyOf(runs.values());
    double[] scores = known(all, r -> score(r, majority));
    double[] differences =
        all.stream()
            .filter(r -> baseline.containsKey(r.seed()))
            .mapToDouble(r -> score(r, majority) - score(baseline.get(r.seed()), majority))
            .filter(d -> !Double.isNaN(d))
            .toArray();
    return new Arm(
        label,
        all,
        (int) all.stream().filter(r -> isFailed(r, metric, majority)).count(),
        scores,
        known(all, r -> orMajority(r, r.last(), majority)),
        Statistics.bootstrap(scores),
        Statistics.mean(differences),
        differences.length,
        Statistics.permutation(differences));
  }

  /** The run's score in the statistics. */
  public static double score(RunResult run, double majority) {
    return orMajority(run, run.score(), majority);
  }

  /** Of a run without a model, or whose evaluations are not defined, what is left to its user. */
  private static double orMajority(RunResult run, double value, double majority) {
    boolean diverged = run.status().equals(RunResult.DIVERGED);
    boolean undefined = Double.isNaN(value) && !run.curve().isEmpty();
    return diverged || undefined ? own(run, majority) : value;
  }

  private static double own(RunResult run, double majority) {
    return Double.isNaN(run.majority()) ? majority : run.majority();
  }

  /** See {@link Arm#failed}. */
  public static boolean isFailed(RunResult run, String metric, double majority) {
    boolean ended =
        run.status().equals(RunResult.COMPLETED) || run.status().equals(RunResult.EARLY_STOPPED);
    boolean undefined = Double.isNaN(run.last()) && !run.curve().isEmpty();
    double least = own(run, majority);
    double gain = Metrics.lowerIsBetter(metric) ? least - run.last() : run.last() - least;
    return !ended || undefined || gain <= 0;
  }

  private static double[] known(Collection<RunResult> runs, ToDoubleFunction<RunResult> value) {
    return runs.stream().mapToDouble(value).filter(v -> !Double.isNaN(v)).toArray();
  }

  private static HoldfastException usage(String message) {
    return new HoldfastException(HoldfastException.Kind.USAGE, message);
  }
}
