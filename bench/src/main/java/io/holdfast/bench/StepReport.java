package io.holdfast.bench;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.criteria.CriterionOptions;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Runs {@link StepBench} with JMH's own options and prints a table: ms, its error, tokens/s, the
 * ratio to cross_entropy, peak native memory.
 */
public final class StepReport {

  private static final double MIB = 1 << 20;

  private StepReport() {}

  public static void main(String[] args) throws RunnerException, CommandLineOptionException {
    Options options =
        new OptionsBuilder()
            .parent(new CommandLineOptions(args))
            .include(StepBench.class.getName())
            .build();
    print(new Runner(options).run());
  }

  private static void print(Collection<RunResult> results) {
    Map<String, Double> plain = new HashMap<>();
    for (RunResult result : results) {
      if (result.getParams().getParam("criterion").equals("cross_entropy")) {
        plain.put(group(result.getParams()), result.getPrimaryResult().getScore());
      }
    }
    System.out.println(
        "\n| model | batch | threads | precision | criterion | ms/step | ± 99.9 % | tokens/s"
            + " | / cross_entropy | native MiB |\n|---|---|---|---|---|---|---|---|---|---|");
    for (RunResult result : results) {
      BenchmarkParams p = result.getParams();
      double ms = result.getPrimaryResult().getScore();
      double perToken = result.getSecondaryResults().get("tokens").getScore();
      System.out.printf(
          "| %s | %s | %s | %s | %s | %.1f | %.1f | %.0f | %.2f | %.0f |%n",
          p.getParam("shape"),
          p.getParam("batch"),
          p.getParam("threads"),
          p.getParam("precision"),
          p.getParam("criterion"),
          ms,
          result.getPrimaryResult().getScoreError(),
          1000 / perToken,
          ms / plain.getOrDefault(group(p), Double.NaN),
          nativeBytes(p) / MIB);
    }
  }

  private static String group(BenchmarkParams p) {
    return String.join(
        " ",
        List.of(
            p.getParam("shape"),
            p.getParam("batch"),
            p.getParam("threads"),
            p.getParam("precision")));
  }

  /** Peak of one step, run here once more: the measured runs are in processes of their own. */
  private static long nativeBytes(BenchmarkParams p) {
    int threads = Integer.parseInt(p.getParam("threads"));
    var criterion = Criteria.create(p.getParam("criterion"), CriterionOptions.defaults());
    Workload workload = Workload.of(p.getParam("batch"));
    var config = Shape.valueOf(p.getParam("shape")).config();
    try (Kernels kernels =
            Backends.open("cpu", threads, Precision.valueOf(p.getParam("precision")));
        TrainingStep step =
            new TrainingStep(kernels, config, List.of(criterion), workload.bounds())) {
      step.run(criterion, workload.batch(1));
      return step.peakBytes();
    }
  }
}
