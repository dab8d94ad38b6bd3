package io.holdfast.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Precision;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CpuNativeTest {

  @TempDir Path folder;

  /** What a program that uses the jar does. */
  public static void main(String[] args) {
    Backends.open("cpu", 1, Precision.FP32).close();
  }

  /** Left by another build, of the same size and date: it is not loaded. */
  @Test
  void aLibraryOfAnotherBuildIsReplaced() throws Exception {
    Path classes = Path.of("target/classes").toAbsolutePath();
    Path jar = jar(classes);
    run(classes, jar);
    Path unpacked;
    try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
      String name = System.mapLibraryName(CpuNative.LIBRARY);
      unpacked = files.filter(f -> f.endsWith(name)).findFirst().orElseThrow();
    }
    byte[] library = Files.readAllBytes(unpacked);
    FileTime date = Files.getLastModifiedTime(unpacked);
    Files.write(unpacked, new byte[library.length]);
    Files.setLastModifiedTime(unpacked, date);
    run(classes, jar);
    assertArrayEquals(library, Files.readAllBytes(unpacked));
  }

  private Path jar(Path classes) throws IOException {
    Path jar = folder.resolve("kernels.jar");
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out);
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        JarEntry entry = new JarEntry(classes.relativize(file).toString());
        entry.setTime(1_700_000_000_000L);
        entries.putNextEntry(entry);
        Files.copy(file, entries);
      }
    }
    return jar;
  }

  private void run(Path classes, Path jar) throws Exception {
    String path = System.getProperty("java.class.path").replace(classes.toString(), jar.toString());
    File log = folder.resolve("log").toFile();
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Dorg.bytedeco.javacpp.cachedir=" + folder.resolve("cache"),
            "-cp",
            path,
            CpuNativeTest.class.getName());
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log).start();
    assertEquals(0, process.waitFor(), Files.readString(log.toPath()));
  }
}
