package io.holdfast.bench;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.CriterionOptions;
import io.holdfast.engine.options.Options;
import io.holdfast.engine.train.StepCost;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Work;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * What every criterion's update costs: its passes, counted, and its time, both relative to
 * cross_entropy, and its memory. One update of each in turns. Arguments: shape, batch, threads,
 * rounds.
 */
public final class StepReport {

  private static final String PLAIN = "cross_entropy";
  private static final double MIB = 1 << 20;

  private StepReport() {}

  public static void main(String[] args) {
    Shape shape = Shape.valueOf(args[0]);
    Workload workload = Workload.of(args[1]);
    int threads = Integer.parseInt(args[2]);
    int rounds = Integer.parseInt(args[3]);
    PackedBatch batch = workload.batch(1);
    Map<String, TrainingStep> steps = new LinkedHashMap<>();
    Map<String, DoubleSupplier> contenders = new LinkedHashMap<>();
    try (Kernels kernels = Backends.open("cpu", threads, Precision.FP32)) {
      criteria()
          .forEach(
              (name, c) -> {
                var step = new TrainingStep(kernels, shape.config(), List.of(c), workload.bounds());
                steps.put(name, step);
                contenders.put(name, () -> step.run(c, batch));
              });
      print(steps, Interleaved.run(contenders, 2, rounds), workload.tokens());
      steps.values().forEach(TrainingStep::close);
    }
  }

  /** All of them at their defaults, and R3F with one branch held constant. */
  static Map<String, Criterion> criteria() {
    Map<String, Criterion> all = new LinkedHashMap<>();
    for (String name : Criteria.names()) {
      all.put(name, Criteria.create(name, CriterionOptions.defaults()));
      if (name.equals("r3f")) {
        var options = Options.parse(CriterionOptions.class, Map.of("r3f_stop_grad", "noisy"));
        all.put("r3f --r3f-stop-grad noisy", Criteria.create(name, options));
      }
    }
    return all;
  }

  private static void print(
      Map<String, TrainingStep> steps, Map<String, Interleaved.Times> times, int tokens) {
    System.out.println(
        "| criterion | forward | backward | passes | ms | tokens/s | time | time / passes"
            + " | MiB |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    Interleaved.Times plain = times.get(PLAIN);
    steps.forEach(
        (name, step) -> {
          Interleaved.Times own = times.get(name);
          StepCost cost = cost(step, tokens);
          double passes = cost.relativePasses();
          System.out.printf(
              "| %s | %.2f | %.2f | %.2f | %.0f | %.0f | %.2f | %.2f | %.0f |%n",
              name,
              cost.forwardPasses(),
              cost.backwardPasses(),
              passes,
              own.median(),
              1000 * tokens / own.median(),
              own.ratioTo(plain),
              own.ratioTo(plain) / passes,
              step.peakBytes() / MIB);
        });
  }

  /** Passes of an update so far, of batches of {@code tokens}. */
  static StepCost cost(TrainingStep step, int tokens) {
    Work work = step.work();
    long all = tokens * step.updates();
    return new StepCost(work.forwardPasses(all), work.backwardPasses(all), 0, 0);
  }
}
