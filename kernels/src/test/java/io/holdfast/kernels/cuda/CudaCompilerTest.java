package io.holdfast.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaCompilerTest {

  @TempDir Path folder;

  /** By NVIDIA's compiler, where one is found: no GPU is needed. */
  @Test
  void everyKernelCompilesForEveryGeneration() throws Exception {
    assumeFalse(EmulatedCuda.onDevice(), "the emulation's libraries stand in for those not needed");
    Path emulation = EmulatedCuda.libraries();
    System.clearProperty(CudaLibraries.PROPERTY);
    Optional<Path> nvrtc = CudaLibraries.find("libnvrtc.so.13");
    System.setProperty(CudaLibraries.PROPERTY, emulation.toString());
    int kernels = CudaSource.ours(DType.BF16, DType.F16).signatures().size();
    assertTrue(kernels > 20);
    if (nvrtc.isEmpty()) {
      compileByNvcc();
      return;
    }
    List<String> folders =
        List.of(
            nvrtc.get().getParent().toString(),
            EmulatedCuda.noDriver().toString(),
            emulation.toString());
    List<String> lines =
        run(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-D" + CudaLibraries.PROPERTY + "=" + String.join(":", folders),
                "-Dorg.bytedeco.javacpp.cachedir=" + folder,
                "-cp",
                System.getProperty("java.class.path"),
                CompileKernels.class.getName(),
                "80",
                "90")
            .lines()
            .toList();
    assertEquals(List.of("80 " + kernels, "90 " + kernels), lines.subList(0, 2));
    assertTrue(lines.get(2).endsWith(" " + kernels), lines.get(2));
    assertTrue(Integer.parseInt(lines.get(2).split(" ")[0]) >= 100, lines.get(2));
  }

  private void compileByNvcc() throws Exception {
    assumeTrue(
        List.of(System.getenv("PATH").split(":")).stream()
            .anyMatch(path -> Files.isExecutable(Path.of(path, "nvcc"))),
        "neither libnvrtc.so.13 nor nvcc is here");
    Path source =
        Files.writeString(folder.resolve("all.cu"), CudaSource.ours(DType.BF16, DType.F16).text());
    String newest = run("nvcc", "--list-gpu-arch").lines().reduce((a, b) -> b).orElseThrow();
    for (String architecture :
        List.of("sm_80", "sm_90", newest.strip().replace("compute_", "sm_"))) {
      String out = folder.resolve(architecture + ".cubin").toString();
      run("nvcc", "-std=c++17", "-cubin", "-arch=" + architecture, "-o", out, source.toString());
    }
  }

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  /** The emulation's code is the source. */
  @Test
  void codeIsKeptUnlessItIsDamaged() throws IOException {
    emulate();
    String source = "// " + folder;
    byte[] code = source.getBytes(StandardCharsets.UTF_8);
    Path file = CudaCompiler.file(source, 86);
    try {
      assertArrayEquals(code, CudaCompiler.compile(source, 86));
      byte[] kept = Files.readAllBytes(file);
      FileTime written = Files.getLastModifiedTime(file);
      assertArrayEquals(code, CudaCompiler.compile(source, 86));
      assertEquals(written, Files.getLastModifiedTime(file));
      byte[] wrong = kept.clone();
      wrong[kept.length - 1]++;
      for (byte[] damaged : List.of(new byte[0], new byte[31], Arrays.copyOf(kept, 40), wrong)) {
        Files.write(file, damaged);
        assertArrayEquals(code, CudaCompiler.compile(source, 86));
        assertArrayEquals(kept, Files.readAllBytes(file));
      }
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static void emulate() {
    assumeFalse(EmulatedCuda.onDevice(), "of the emulated compiler");
    EmulatedCuda.libraries();
    CudaLibraries.load();
  }

  @Test
  void anOldDeviceIsRefused() {
    emulate();
    var e = assertThrows(HoldfastException.class, () -> CudaCompiler.compile("// old", 75));
    assertEquals(HoldfastException.Kind.BACKEND, e.kind());
    assertTrue(e.getMessage().contains("7.5; 8.0 and newer are supported"), e.getMessage());
  }

  @Test
  void parametersAreReadFromTheSource() {
    CudaSource source =
        new CudaSource("KERNEL a(float* y, const int* x, Long n,\n  int rows, Word w, float f) {}");
    assertEquals("LLLIIF", source.signatures().get("a"));
    assertThrows(IllegalArgumentException.class, () -> new CudaSource("KERNEL a(double x) {}"));
  }
}
