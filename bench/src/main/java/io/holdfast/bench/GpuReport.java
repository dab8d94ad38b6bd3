package io.holdfast.bench;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.CriterionOptions;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.PackedBatch;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * What the cuda backend does on this machine's GPU, as tables in Markdown. Arguments: a part, and
 * its own:
 *
 * <pre>
 * kernels SHAPE TOKENS            every operation, against the device's copies and products
 * steps SHAPE BATCH … [-- CRITERION …]   time of an update, share of the products' ceiling, memory
 * equal SHAPE RUNS                runs of ten updates whose weights must be the same bits
 * </pre>
 *
 * Each in all precisions. Times are medians; a time includes the host's part of the calls.
 */
public final class GpuReport {

  private static final List<Precision> PRECISIONS =
      List.of(Precision.FP32, Precision.TF32, Precision.BF16, Precision.FP16);

  private static final int ROUNDS = 7;
  private static final double ROUND_MS = 20;

  private GpuReport() {}

  public static void main(String[] args) {
    Shape shape = Shape.valueOf(args[1]);
    List<String> rest = List.of(args).subList(2, args.length);
    switch (args[0]) {
      case "kernels" -> kernels(shape, Integer.parseInt(rest.get(0)));
      case "steps" -> steps(shape, rest);
      case "equal" -> equal(shape, Integer.parseInt(rest.get(0)));
      default -> throw new IllegalArgumentException("no part " + args[0]);
    }
  }

  private static Kernels open(Precision precision) {
    return Backends.open("cuda", 1, precision);
  }

  // ---- operations ----

  private static void kernels(Shape shape, int tokens) {
    double copy = copyRate(tokens);
    System.out.printf(
        "%s, %d tokens. Copies move %.0f GB/s, read and written.%n%n", shape, tokens, copy);
    for (Precision precision : PRECISIONS) {
      double products = productRate(precision, tokens);
      System.out.printf("### %s: square products %.1f TFLOP/s%n%n", precision, products);
      System.out.println("| operation | µs | GB/s | of copies | TFLOP/s | of products |");
      System.out.println("|---|---:|---:|---:|---:|---:|");
      KernelBench bench = new KernelBench();
      bench.shape = shape;
      bench.threads = 1;
      bench.precision = precision;
      bench.backend = "cuda";
      bench.tokens = tokens;
      bench.open();
      Arrays.stream(KernelBench.class.getMethods())
          .filter(method -> method.isAnnotationPresent(Benchmark.class))
          .sorted(Comparator.comparing(Method::getName))
          .forEach(method -> print(bench, method, copy, products));
      bench.close();
      System.out.println();
    }
  }

  private static void print(KernelBench bench, Method method, double copy, double products) {
    KernelBench.Work work = new KernelBench.Work();
    double ms = time(() -> call(bench, method, work), bench::await);
    work.reset();
    call(bench, method, work);
    double bytes = work.bytes / ms * 1e-6;
    double flops = work.flops / ms * 1e-9;
    System.out.printf(
        "| %s | %.1f | %.0f | %.2f |", method.getName(), 1000 * ms, bytes, bytes / copy);
    System.out.printf(work.flops > 0 ? " %.1f | %.2f |%n" : " | |%n", flops, flops / products);
  }

  private static void call(KernelBench bench, Method method, KernelBench.Work work) {
    try {
      method.invoke(bench, work);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(method.getName(), e);
    }
  }

  /** Milliseconds of a call, the median of rounds of many. */
  private static double time(Runnable call, Runnable await) {
    call.run();
    await.run();
    int calls = 1;
    double ms = milliseconds(call, await, calls);
    while (ms < ROUND_MS && calls < 1 << 12) {
      calls *= 2;
      ms = milliseconds(call, await, calls);
    }
    double[] rounds = new double[ROUNDS];
    for (int i = 0; i < rounds.length; i++) {
      rounds[i] = milliseconds(call, await, calls) / calls;
    }
    return Interleaved.median(rounds);
  }

  private static double milliseconds(Runnable call, Runnable await, int calls) {
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      call.run();
    }
    await.run();
    return (System.nanoTime() - start) / 1e6;
  }

  /** GB/s of copies on the device of as much as the operations move. */
  private static double copyRate(int tokens) {
    try (Kernels k = open(Precision.FP32);
        Arena arena = new Arena(k, 2 * 4096L * tokens + Arena.ALIGNMENT)) {
      Tensor from = arena.take(k.real(), tokens, 1024);
      Tensor to = arena.take(k.real(), tokens, 1024);
      k.zero(from);
      float[] one = new float[1];
      double ms =
          time(
              () -> k.copy(to, from),
              () -> k.download(one, 0, to.reshape(tokens * 1024, 1).rows(0, 1)));
      return 2 * from.bytes() / ms * 1e-6;
    }
  }

  /** TFLOP/s of a square product: of 8192, or fewer rows where there are fewer tokens. */
  private static double productRate(Precision precision, int tokens) {
    int n = Math.min(8192, tokens);
    try (Kernels k = open(precision);
        Arena arena = new Arena(k, 4 * (4L * n * n + Arena.ALIGNMENT))) {
      Tensor reals = arena.take(k.real(), n, n);
      Tensor x = arena.take(k.hidden(), n, n);
      Tensor y = arena.take(k.hidden(), n, n);
      float[] values = new float[n * n];
      for (int i = 0; i < values.length; i++) {
        values[i] = (i * 31 % 1009) / 504f - 1; // products of zeros are faster than of numbers
      }
      k.upload(reals, values, 0);
      k.convert(x, reals);
      float[] one = new float[1];
      double ms =
          time(
              () -> k.linear(y, x, x, null),
              () -> k.download(one, 0, reals.reshape(n * n, 1).rows(0, 1)));
      return 2.0 * n * n * n / ms * 1e-9;
    }
  }

  // ---- updates ----

  private static void steps(Shape shape, List<String> args) {
    int end = args.contains("--") ? args.indexOf("--") : args.size();
    List<String> criteria =
        end < args.size() ? args.subList(end + 1, args.size()) : List.copyOf(Criteria.names());
    Map<Precision, Double> products = new EnumMap<>(Precision.class);
    PRECISIONS.forEach(p -> products.put(p, productRate(p, shape == Shape.TINY ? 64 : 8192)));
    System.out.println(
        "| shape | batch | precision | criterion | ms | tokens/s | TFLOP/s | of products | to"
            + " cross_entropy | MiB |\n|---|---|---|---|---:|---:|---:|---:|---:|---:|");
    for (String batch : args.subList(0, end)) {
      for (Precision precision : PRECISIONS) {
        double plain = Double.NaN;
        for (String name : criteria) {
          double ms = step(shape, Workload.of(batch), precision, name, products, plain);
          plain = name.equals("cross_entropy") ? ms : plain;
        }
      }
    }
  }

  private static double step(
      Shape shape,
      Workload workload,
      Precision precision,
      String name,
      Map<Precision, Double> products,
      double plain) {
    System.out.printf("| %s | %s | %s | %s |", shape, workload.name(), precision, name);
    Criterion criterion = Criteria.create(name, CriterionOptions.defaults());
    PackedBatch batch = workload.batch(1);
    try (Kernels k = open(precision);
        TrainingStep step =
            new TrainingStep(k, shape.config(), List.of(criterion), workload.bounds())) {
      Supplier<Double> run = () -> step.run(criterion, batch);
      var times = Interleaved.run(Map.of(name, run::get), 4, 2 * ROUNDS + 1);
      double ms = times.get(name).median();
      var cost = StepReport.cost(step, workload.tokens());
      double squares = Arrays.stream(workload.lengths()).mapToDouble(n -> (double) n * n).sum();
      double passes = cost.forwardPasses() + 2 * cost.backwardPasses();
      double flops =
          passes * shape.flops(squares / workload.tokens()) * workload.tokens() / ms * 1e-9;
      System.out.printf(
          " %.2f | %.0f | %.1f | %.2f | %.2f | %d |%n",
          ms,
          1000 * workload.tokens() / ms,
          flops,
          flops / products.get(precision),
          ms / (name.equals("cross_entropy") ? ms : plain),
          step.peakBytes() >> 20);
      return ms;
    } catch (HoldfastException | IllegalStateException e) {
      System.out.println(" " + e.getMessage() + " | | | | | |");
      return Double.NaN;
    }
  }

  // ---- equal runs ----

  private static void equal(Shape shape, int runs) {
    boolean all = true;
    for (Precision precision : PRECISIONS) {
      for (String name : List.of("cross_entropy", "r3f", "r4f", "smart")) {
        Map<Integer, Integer> hashes = new TreeMap<>();
        for (int i = 0; i < runs; i++) {
          hashes.merge(hash(shape, precision, name), 1, Integer::sum);
        }
        all &= hashes.size() == 1;
        System.out.printf(
            "%s %s: %d runs of ten updates, %s%n",
            precision,
            name,
            runs,
            hashes.size() == 1 ? "equal to the bit" : "DIFFERENT " + hashes.values());
      }
    }
    if (!all) {
      throw new IllegalStateException("equal runs differ");
    }
  }

  private static int hash(Shape shape, Precision precision, String name) {
    Criterion criterion = Criteria.create(name, CriterionOptions.defaults());
    Workload workload = Workload.of("rte8");
    try (Kernels k = open(precision);
        TrainingStep step =
            new TrainingStep(k, shape.config(), List.of(criterion), workload.bounds())) {
      for (int i = 0; i < 10; i++) {
        step.run(criterion, workload.batch(i));
      }
      Tensor weights = step.weights().block();
      float[] values = new float[weights.cols()];
      k.download(values, 0, weights);
      return Arrays.hashCode(values);
    }
  }
}
