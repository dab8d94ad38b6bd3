package io.holdfast.kernels.cpu;

import io.holdfast.kernels.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What this machine's processor offers to the kernels.
 *
 * @param name the model name as the system gives it
 * @param avx2 with FMA
 * @param avx512 the x86-64-v4 set
 * @param amxBf16 tiles with bf16 products, which {@code bf16-gemm} needs
 */
public record Processor(String name, boolean avx2, boolean avx512, boolean amxBf16) {

  private static final int AVX2 = 1;
  private static final int AVX512 = 2;
  private static final int AMX_BF16 = 4;

  /** Throws an exception of kind BACKEND where the native library does not load. */
  public static Processor detect() {
    CpuNative.verifyLoaded();
    int features = CpuNative.processorFeatures();
    return new Processor(
        modelName(), (features & AVX2) != 0, (features & AVX512) != 0, (features & AMX_BF16) != 0);
  }

  /** The sets by name, as in "avx2 avx512"; empty if none. */
  public String features() {
    return String.join(
        " ",
        Stream.of(avx2 ? "avx2" : "", avx512 ? "avx512" : "", amxBf16 ? "amx_bf16" : "")
            .filter(s -> !s.isEmpty())
            .toList());
  }

  /** What this processor makes of a precision asked for, in one line; empty if just that. */
  public String note(Precision precision) {
    return precision == Precision.BF16_GEMM && !amxBf16
        ? precision + ": this processor has no AMX (amx_bf16); products stay fp32"
        : "";
  }

  private static String modelName() {
    try {
      List<String> lines = Files.readAllLines(Path.of("/proc/cpuinfo"));
      for (String line : lines) {
        if (line.startsWith("model name")) {
          return line.substring(line.indexOf(':') + 1).strip();
        }
      }
    } catch (IOException e) {
      // not Linux: the architecture is all there is
    }
    return System.getProperty("os.arch");
  }
}
