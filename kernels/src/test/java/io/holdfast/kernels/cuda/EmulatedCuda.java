package io.holdfast.kernels.cuda;

import io.holdfast.kernels.Backends;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * NVIDIA's libraries made of src/test/cuda: a driver that runs our kernels on the host, and the cpu
 * backend's products. All else of the cuda backend is what a GPU's user runs.
 */
public final class EmulatedCuda {

  private static final List<String> FLAGS =
      List.of(
          "g++",
          "-std=c++17",
          "-O2",
          "-Wall",
          "-Wno-unknown-pragmas",
          "-Wno-unused-function",
          "-fsanitize=alignment",
          "-fsanitize-undefined-trap-on-error",
          "-fvisibility=hidden",
          "-shared",
          "-fPIC");

  private static Path folder;

  /** What the first build failed with: another would too. */
  private static AssertionError broken;

  private EmulatedCuda() {}

  /** The cuda backend on the emulation. */
  public static Kernels kernels() {
    return kernels(Precision.FP32);
  }

  public static Kernels kernels(Precision precision) {
    libraries();
    return Backends.open("cuda", 1, precision);
  }

  /**
   * Builds the libraries if need be, and has this process use them; returns their folder. With
   * {@code -Dholdfast.cuda.device=true} does nothing: tests then run on this machine's GPU.
   */
  public static synchronized Path libraries() {
    if (broken != null) {
      throw broken;
    }
    if (folder == null && !onDevice()) {
      try {
        folder = build();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (AssertionError e) {
        broken = e;
        throw e;
      }
      System.setProperty(CudaLibraries.PROPERTY, folder.toString());
    }
    return folder;
  }

  /**
   * A driver without any function, for NVIDIA's compiler, which may look for one but needs none.
   */
  static Path noDriver() {
    return libraries().resolve("no-driver");
  }

  static boolean onDevice() {
    return Boolean.getBoolean("holdfast.cuda.device");
  }

  /** All kernels of the emulated driver: ours, and those of faults.cu. */
  static CudaSource source() {
    try {
      return new CudaSource(
          CudaSource.ours(DType.BF16, DType.F16).text()
              + "#line 1 \"faults.cu\"\n"
              + Files.readString(sources().resolve("faults.cu")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path sources() {
    return module().resolve("src/test/cuda");
  }

  /** From the module itself, or from one beside it. */
  private static Path module() {
    return Path.of("..", "kernels");
  }

  private static Path build() throws IOException {
    String driver = driver();
    StringBuilder all = new StringBuilder(driver + FLAGS);
    for (String file : List.of("cublas.cpp", "cublaslt.cpp", "products.h", "nvrtc.cpp")) {
      all.append(Files.readString(sources().resolve(file)));
    }
    all.append(Files.readString(module().resolve("src/main/cpp/gemm.h")));
    String name = Integer.toHexString(all.toString().hashCode());
    Path built = module().resolve("target/emulation").resolve(name).toAbsolutePath().normalize();
    if (!Files.exists(built)) {
      Path parent = Files.createDirectories(built.getParent());
      Path building = Files.createTempDirectory(parent, "building");
      Path joined = Files.writeString(building.resolve("driver.cpp"), driver);
      compile(building, "libcuda.so.1", joined);
      compile(building, "libnvrtc.so.13", sources().resolve("nvrtc.cpp"));
      compile(building, "libcublas.so.13", sources().resolve("cublas.cpp"));
      Path nothing = Files.writeString(building.resolve("nothing.cpp"), "");
      compile(building, "libcublasLt.so.13", sources().resolve("cublaslt.cpp"));
      compile(building, "libcudart.so.13", nothing);
      compile(Files.createDirectory(building.resolve("no-driver")), "libcuda.so.1", nothing);
      try {
        Files.move(building, built, StandardCopyOption.ATOMIC_MOVE);
      } catch (FileSystemException e) {
        return built; // another build was faster
      }
    }
    return built;
  }

  private static String driver() throws IOException {
    CudaSource kernels = source();
    String table =
        kernels.signatures().keySet().stream()
            .map(name -> "EMULATED_KERNEL(" + name + ")")
            .collect(Collectors.joining(",\n    "));
    return Files.readString(sources().resolve("emulation.h"))
        + kernels.text()
        + "#line 1 \"table\"\nstatic const emulation::Kernel KERNELS[] = {\n    "
        + table
        + "};\n#line 1 \"driver.cpp\"\n"
        + Files.readString(sources().resolve("driver.cpp"));
  }

  private static void compile(Path folder, String library, Path source) throws IOException {
    List<String> command = new ArrayList<>(FLAGS);
    command.add("-Wl,-soname," + library);
    command.addAll(List.of(source.toString(), "-o", folder.resolve(library).toString()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new AssertionError(output);
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
