package io.holdfast.kernels.cuda;

import io.holdfast.kernels.HoldfastException;
import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.javacpp.Loader;

/**
 * NVIDIA's libraries, which are the user's: the driver, and CUDA 13's run time, compiler and
 * cuBLAS. They are searched in the folders of the property {@value #PROPERTY} and of
 * LD_LIBRARY_PATH, where drivers and toolkits lie, and in Python's wheels (nvidia/*&#47;lib of
 * site-packages).
 */
public final class CudaLibraries {

  public static final String PROPERTY = "holdfast.cuda.libraries";

  /** In the order in which one needs another. */
  private static final List<String> NAMES =
      List.of(
          "libcuda.so.1",
          "libcudart.so.13",
          "libnvrtc-builtins.so.13.*",
          "libnvrtc.so.13",
          "libcublasLt.so.13",
          "libcublas.so.13");

  private static final List<String> SYSTEM =
      List.of(
          "/usr/lib/x86_64-linux-gnu",
          "/usr/lib/aarch64-linux-gnu",
          "/usr/lib64",
          "/usr/lib/wsl/lib",
          "/run/opengl-driver/lib",
          "/usr/local/nvidia/lib64",
          "/usr/local/cuda/lib64",
          "/opt/cuda/lib64");

  private static Map<String, Path> loaded;

  private CudaLibraries() {}

  /** Loads them once, and says where each was; throws (kind BACKEND) where one is not. */
  static synchronized Map<String, Path> load() {
    if (loaded != null) {
      return loaded;
    }
    Map<String, Path> found = find();
    try {
      found.values().forEach(path -> System.load(path.toString()));
      Loader.load(cudart.class);
      Loader.load(nvrtc.class);
      Loader.load(cublas.class);
    } catch (LinkageError | RuntimeException e) {
      throw failure("NVIDIA's libraries do not load (" + e.getMessage() + ")");
    }
    loaded = found;
    return found;
  }

  /** By name. */
  private static Map<String, Path> find() {
    Map<String, Path> found = new LinkedHashMap<>();
    for (String name : NAMES) {
      find(name).ifPresent(path -> found.put(name, path));
    }
    if (!found.containsKey("libcuda.so.1")) {
      throw failure(
          "libcuda.so.1 was not found: there is no NVIDIA driver here, or LD_LIBRARY_PATH has to name"
              + " its folder");
    }
    for (String name : NAMES) {
      if (!found.containsKey(name) && !name.endsWith("*")) {
        throw failure(
            name
                + " was not found in LD_LIBRARY_PATH, /usr/local/cuda/lib64 or Python's"
                + " nvidia/*/lib: install CUDA 13 (or: pip install nvidia-cuda-runtime"
                + " nvidia-cuda-nvrtc nvidia-cublas), or name its folder in LD_LIBRARY_PATH");
      }
    }
    return found;
  }

  /** The file of that name, which may hold a *, in the first folder that has one. */
  static Optional<Path> find(String name) {
    return folders().stream().flatMap(folder -> matches(folder, name).stream()).findFirst();
  }

  private static Set<Path> folders() {
    Set<Path> folders = new LinkedHashSet<>();
    for (String list :
        new String[] {
          System.getProperty(PROPERTY, ""), System.getProperty("java.library.path", "")
        }) {
      for (String folder : list.split(File.pathSeparator)) {
        if (!folder.isEmpty()) {
          folders.add(Path.of(folder));
        }
      }
    }
    SYSTEM.forEach(folder -> folders.add(Path.of(folder)));
    List<Path> toolkits = matches(Path.of("/usr/local"), "cuda-13*");
    Collections.reverse(toolkits); // the newest first
    toolkits.forEach(toolkit -> folders.add(toolkit.resolve("lib64")));
    pythons().flatMap(CudaLibraries::wheels).forEach(folders::add);
    return folders;
  }

  /** Folders that hold python3.x/site-packages. */
  private static Stream<Path> pythons() {
    List<Path> libraries = new ArrayList<>();
    for (String variable : new String[] {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
      if (System.getenv(variable) != null) {
        libraries.add(Path.of(System.getenv(variable), "lib"));
      }
    }
    libraries.add(Path.of(System.getProperty("user.home"), ".local", "lib"));
    libraries.add(Path.of("/usr/local/lib"));
    libraries.add(Path.of("/usr/lib"));
    libraries.add(Path.of("/usr/lib64"));
    return libraries.stream();
  }

  private static Stream<Path> wheels(Path library) {
    return matches(library, "python3*").stream()
        .flatMap(python -> Stream.of("site-packages", "dist-packages").map(python::resolve))
        .flatMap(packages -> matches(packages.resolve("nvidia"), "*").stream())
        .map(wheel -> wheel.resolve("lib"));
  }

  /** Entries of a folder, absolute and in order; none if it is not there. */
  private static List<Path> matches(Path folder, String glob) {
    List<Path> entries = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, glob)) {
        stream.forEach(entry -> entries.add(entry.toAbsolutePath()));
      } catch (IOException e) {
        return List.of(); // may not be read: as good as not there
      }
    }
    entries.sort(null);
    return entries;
  }

  /** Of the backend as a whole, in one line. */
  static HoldfastException failure(String message) {
    return new HoldfastException(HoldfastException.Kind.BACKEND, "backend cuda: " + message);
  }
}
