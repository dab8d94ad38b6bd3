package io.holdfast.cli;

import io.holdfast.engine.run.Versions;
import io.holdfast.engine.train.Machine;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.io.Assets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import org.bytedeco.dnnl.dnnl_version_t;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.Loader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** holdfast doctor: what this machine offers, and whether the backends compute correctly. */
@Command(
    name = "doctor",
    header = "Says what Holdfast finds on this machine and checks a matrix product.",
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {

  private static final List<String> FEATURES =
      List.of("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16");

  @Option(
      names = "--threads",
      paramLabel = "<integer>",
      description = "worker threads of the check; >= 0; default 0: one per core")
  private int threads;

  @Option(names = "--json", description = "print one JSON object on stdout")
  private boolean json;

  @Override
  public Integer call() {
    Main.atLeast("--threads", threads, 0);
    Map<String, Object> report = new LinkedHashMap<>();
    int workers = threads > 0 ? threads : Machine.cores();
    report.put("holdfast", Versions.holdfast());
    report.putAll(Versions.libraries());
    report.put("java_home", System.getProperty("java.home"));
    report.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    report.put("processor", Machine.processor("model name"));
    report.put("processor_features", features());
    report.put("cores", Machine.cores());
    report.put("threads", workers);
    report.put("memory_mb", Machine.totalMemory() >> 20);
    report.put("memory_free_mb", Machine.availableMemory() >> 20);
    report.put("java_heap_mb", Runtime.getRuntime().maxMemory() >> 20);
    report.put("assets", assets());
    int exit = natives(report, workers);
    exit = Math.max(exit, cuda(report));
    print(report);
    return exit;
  }

  private int natives(Map<String, Object> report, int workers) {
    try {
      report.put("onednn_library", Loader.load(dnnl.class));
      dnnl_version_t version = dnnl.dnnl_version();
      report.put("onednn", version.major() + "." + version.minor() + "." + version.patch());
      try (Kernels kernels = Backends.open("cpu", workers, Precision.FP32)) {
        report.put("cpu_backend", "loaded");
        report.putAll(new GemmCheck(kernels).run());
      }
      try (Kernels bf16 = Backends.open("cpu", workers, Precision.BF16_GEMM)) {
        report.put("bf16_gemm", bf16.note().isEmpty() ? "available" : bf16.note());
      }
      return report.get("gemm_check").equals("ok") ? 0 : HoldfastException.Kind.BACKEND.exitCode();
    } catch (HoldfastException | LinkageError e) {
      report.put("cpu_backend", "does not load: " + e.getMessage());
      return HoldfastException.Kind.BACKEND.exitCode();
    }
  }

  /** No GPU is no failure; one that computes wrong is. */
  private static int cuda(Map<String, Object> report) {
    try (Kernels kernels = Backends.open("cuda", 1, Precision.FP32)) {
      report.put("cuda_backend", "loaded");
      kernels.device().forEach((name, value) -> report.put("cuda_" + name, value));
      Map<String, Object> check = new GemmCheck(kernels).run();
      check.forEach((name, value) -> report.put("cuda_" + name, value));
      return check.get("gemm_check").equals("ok") ? 0 : HoldfastException.Kind.BACKEND.exitCode();
    } catch (HoldfastException e) {
      report.put("cuda_backend", e.getMessage().replace("backend cuda: ", ""));
      return 0;
    }
  }

  private static String features() {
    List<String> flags = Arrays.asList(Machine.processor("flags").split(" "));
    return String.join(" ", FEATURES.stream().filter(flags::contains).toList());
  }

  private static String assets() {
    List<String> names = List.of("minilm", "languagetool");
    List<String> missing =
        names.stream().filter(name -> !Files.isDirectory(Assets.folder().resolve(name))).toList();
    String what = missing.isEmpty() ? "" : "; missing: " + String.join(", ", missing);
    return Assets.folder() + what;
  }

  private void print(Map<String, Object> report) {
    if (json) {
      Results.json(report);
    } else {
      report.forEach((key, value) -> System.out.printf("%-26s %s%n", key.replace('_', ' '), value));
    }
  }

  /** y = x · wᵀ of a feed-forward layer, against naive sums in double. */
  private record GemmCheck(Kernels kernels) {

    private static final int ROWS = 257;
    private static final int INNER = 385;
    private static final int COLUMNS = 1535;
    private static final int REPEATS = 20;

    /** Relative to the root of the sum of squared terms; fp32 sums of this length stay below. */
    private static final double TOLERANCE = 1e-5;

    Map<String, Object> run() {
      Random random = new Random(1);
      float[] x = normal(random, ROWS * INNER);
      float[] w = normal(random, COLUMNS * INNER);
      float[] y = new float[ROWS * COLUMNS];
      double seconds = Double.POSITIVE_INFINITY;
      try (Arena arena = new Arena(kernels, 4L * (x.length + w.length + y.length) + 4096)) {
        Tensor tx = arena.take(DType.F32, ROWS, INNER);
        Tensor tw = arena.take(DType.F32, COLUMNS, INNER);
        Tensor ty = arena.take(DType.F32, ROWS, COLUMNS);
        kernels.upload(tx, x, 0);
        kernels.upload(tw, w, 0);
        for (int i = 0; i < REPEATS; i++) {
          long start = System.nanoTime();
          kernels.linear(ty, tx, tw, null);
          kernels.download(y, 0, ty.rows(0, 1)); // waits
          seconds = Math.min(seconds, (System.nanoTime() - start) / 1e9);
        }
        kernels.download(y, 0, ty);
      }
      double error = worst(x, w, y);
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("gemm_check", error <= TOLERANCE ? "ok" : "WRONG RESULTS");
      result.put("gemm_error", String.format(Locale.ROOT, "%.1e", error));
      double gflops = 2.0 * ROWS * INNER * COLUMNS / seconds / 1e9;
      result.put("gemm_gflops", Math.round(gflops));
      return result;
    }

    private static float[] normal(Random random, int n) {
      float[] values = new float[n];
      for (int i = 0; i < n; i++) {
        values[i] = (float) random.nextGaussian();
      }
      return values;
    }

    private static double worst(float[] x, float[] w, float[] y) {
      double worst = 0;
      for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++) {
          double sum = 0;
          double squares = 0;
          for (int k = 0; k < INNER; k++) {
            double term = (double) x[r * INNER + k] * w[c * INNER + k];
            sum += term;
            squares += term * term;
          }
          double error = Math.abs(y[r * COLUMNS + c] - sum) / Math.sqrt(squares);
          worst = Math.max(worst, Double.isNaN(error) ? Double.POSITIVE_INFINITY : error);
        }
      }
      return worst;
    }
  }
}
