package io.holdfast.bench;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.CriterionOptions;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.model.MemoryPlan;
import io.holdfast.model.PackedBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * What packing gains: 128 rows of RTE in batches of 8, 16 and 32, packed, against the same batches
 * with every sequence made as long as the longest. Arguments: shape, criterion, threads, rounds.
 */
public final class PackedBench {

  private PackedBench() {}

  public static void main(String[] args) {
    Shape shape = Shape.valueOf(argument(args, 0, "MINILM"));
    String name = argument(args, 1, "cross_entropy");
    int threads = Integer.parseInt(argument(args, 2, "2"));
    int rounds = Integer.parseInt(argument(args, 3, "5"));
    Criterion criterion = Criteria.create(name, CriterionOptions.defaults());
    System.out.println(
        "| batch | tokens | padded | times as many | packed ms | padded ms | gain |\n"
            + "|---|---|---|---|---|---|---|");
    try (Kernels kernels = Backends.open("cpu", threads, Precision.FP32)) {
      for (int size : new int[] {8, 16, 32}) {
        measure(kernels, shape, criterion, size, rounds);
      }
    }
  }

  private static void measure(
      Kernels kernels, Shape shape, Criterion criterion, int size, int rounds) {
    List<PackedBatch> packed = new ArrayList<>();
    List<PackedBatch> padded = new ArrayList<>();
    for (int from = 0; from < RteLengths.TRAIN.length; from += size) {
      int[] lengths = Arrays.copyOfRange(RteLengths.TRAIN, from, from + size);
      Workload workload = new Workload("rte", lengths);
      packed.add(workload.batch(from));
      padded.add(workload.padded().batch(from));
    }
    int longest = Arrays.stream(RteLengths.TRAIN).max().orElseThrow();
    var largest = new MemoryPlan.Largest(size * longest, size, longest);
    try (TrainingStep step =
        new TrainingStep(kernels, shape.config(), List.of(criterion), largest)) {
      Map<String, DoubleSupplier> contenders = new LinkedHashMap<>();
      contenders.put("packed", () -> runAll(step, criterion, packed));
      contenders.put("padded", () -> runAll(step, criterion, padded));
      var times = Interleaved.run(contenders, 1, rounds);
      int few = packed.stream().mapToInt(PackedBatch::tokenCount).sum();
      int many = padded.stream().mapToInt(PackedBatch::tokenCount).sum();
      System.out.printf(
          "| %d | %d | %d | %.2f | %.0f | %.0f | %.2f |%n",
          size,
          few,
          many,
          (double) many / few,
          times.get("packed").median(),
          times.get("padded").median(),
          times.get("padded").ratioTo(times.get("packed")));
    }
  }

  private static double runAll(TrainingStep step, Criterion criterion, List<PackedBatch> batches) {
    double loss = 0;
    for (PackedBatch batch : batches) {
      loss += step.run(criterion, batch);
    }
    return loss;
  }

  private static String argument(String[] args, int index, String otherwise) {
    return index < args.length ? args[index] : otherwise;
  }
}
