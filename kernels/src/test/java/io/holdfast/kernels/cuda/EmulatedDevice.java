package io.holdfast.kernels.cuda;

import io.holdfast.kernels.CheckedKernels;
import io.holdfast.kernels.Kernels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A device of host memory: src/test/cuda runs the kernels, the cpu backend's products stand in for
 * the library's. A wrong launch throws AssertionError.
 */
public final class EmulatedDevice implements Device {

  private static final int STAGING = 1 << 16;
  private static final int ALIGNMENT = 256;

  private static boolean loaded;

  private final Map<Long, Long> sizes = new HashMap<>();
  private final ByteBuffer staging =
      ByteBuffer.allocateDirect(STAGING).order(ByteOrder.nativeOrder());
  private final long stagingAddress;

  public EmulatedDevice() {
    load();
    stagingAddress = addressOf(staging);
  }

  /** The cuda backend on an emulated device. */
  public static Kernels kernels() {
    return new CheckedKernels(new CudaKernels(new EmulatedDevice()));
  }

  /** Compiles what has not been compiled yet, and loads it. */
  private static synchronized void load() {
    if (loaded) {
      return;
    }
    try {
      Path module = Path.of("..", "kernels"); // from here, or from a module beside it
      Path test = module.resolve("src/test/cuda");
      String name = "emulation-" + Integer.toHexString(joined(test).hashCode());
      Path folder = Files.createDirectories(module.resolve("target/emulation"));
      Path library = folder.resolve(name + ".so").toAbsolutePath().normalize();
      if (!Files.exists(library)) {
        Path source = folder.resolve(name + ".cpp");
        Path building = folder.resolve(name + ".tmp");
        Files.writeString(source, joined(test));
        run(compiler(source, test.resolve("products.cpp"), building));
        Files.move(building, library, StandardCopyOption.ATOMIC_MOVE);
      }
      System.load(library.toString());
      loaded = true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> compiler(Path source, Path products, Path output) {
    Path java = Path.of(System.getProperty("java.home"), "include");
    return List.of(
        "g++",
        "-std=c++17",
        "-O2",
        "-Wall",
        "-Wno-unknown-pragmas",
        "-Wno-unused-function",
        "-fsanitize=alignment",
        "-fsanitize-undefined-trap-on-error",
        "-shared",
        "-fPIC",
        "-I" + java,
        "-I" + java.resolve("linux"),
        source.toString(),
        products.toString(),
        "-o",
        output.toString());
  }

  private static String joined(Path test) throws IOException {
    String kernels =
        CudaSource.text() + "#line 1 \"faults.cu\"\n" + Files.readString(test.resolve("faults.cu"));
    String table =
        CudaSource.kernels(kernels).stream()
            .map(name -> "EMULATED_KERNEL(" + name + ")")
            .collect(Collectors.joining(",\n    "));
    return Files.readString(test.resolve("emulation.h"))
        + kernels
        + "#line 1 \"table\"\nstatic const emulation::Kernel KERNELS[] = {\n    "
        + table
        + "};\n#line 1 \"device.cpp\"\n"
        + Files.readString(test.resolve("device.cpp"));
  }

  private static void run(List<String> command) throws IOException {
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

  @Override
  public long allocate(long bytes) {
    long size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    long address = map(size);
    if (address != 0) {
      sizes.put(address, size);
    }
    return address;
  }

  @Override
  public void release(long address) {
    unmap(address, sizes.remove(address));
  }

  @Override
  public long memory() {
    return 1L << 34;
  }

  /** As on devices of compute capability 8.6, which have the least of those that are supported. */
  @Override
  public int sharedMemory() {
    return 99 << 10;
  }

  @Override
  public ByteBuffer staging() {
    return staging;
  }

  @Override
  public void copyIn(long dst, int bytes) {
    move(dst, stagingAddress, bytes);
  }

  @Override
  public void copyOut(long src, int bytes) {
    move(stagingAddress, src, bytes);
  }

  @Override
  public void copy(long dst, long src, long bytes) {
    move(dst, src, bytes);
  }

  @Override
  public void zero(long dst, long bytes) {
    fill(dst, bytes);
  }

  @Override
  public void launch(
      String kernel,
      Grid grid,
      int threads,
      int sharedBytes,
      CharSequence signature,
      long arguments) {
    if (sharedBytes > sharedMemory()) {
      throw new AssertionError(kernel + ": " + sharedBytes + " bytes of shared memory");
    }
    String failure =
        run(
            kernel,
            grid.x(),
            grid.y(),
            grid.z(),
            threads,
            sharedBytes,
            signature.toString(),
            arguments);
    if (failure != null) {
      throw new AssertionError(kernel + ": " + failure);
    }
  }

  @Override
  public void multiply(
      long c,
      long a,
      boolean transposeA,
      long b,
      boolean transposeB,
      int m,
      int n,
      int k,
      boolean add) {
    product(c, a, transposeA, b, transposeB, m, n, k, add);
  }

  /** Throws AssertionError if memory was not given back. */
  @Override
  public void close() {
    if (!sizes.isEmpty()) {
      throw new AssertionError("not released: " + sizes.values());
    }
  }

  private static native long map(long bytes);

  private static native void unmap(long address, long bytes);

  private static native void move(long dst, long src, long bytes);

  private static native void fill(long dst, long bytes);

  private static native long addressOf(ByteBuffer buffer);

  private static native void product(
      long c,
      long a,
      boolean transposeA,
      long b,
      boolean transposeB,
      int m,
      int n,
      int k,
      boolean add);

  private static native String run(
      String kernel,
      int x,
      int y,
      int z,
      int threads,
      int sharedBytes,
      String signature,
      long arguments);
}
