package io.holdfast.cli;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** What stays of a run of a grid once its result is known. */
enum Keep {
  /** Configuration, metrics and logs, no weights. */
  RESULTS("checkpoint-.*|last|best|model\\.safetensors"),
  /** The best model as well. */
  MODEL("checkpoint-.*|last|best"),
  /** Everything, checkpoints included. */
  ALL("");

  private final String removed;

  Keep(String removed) {
    this.removed = removed;
  }

  void clean(Path run) {
    try (Stream<Path> entries = Files.list(run)) {
      for (Path entry : entries.filter(e -> e.getFileName().toString().matches(removed)).toList()) {
        delete(entry);
      }
    } catch (IOException e) {
      throw new HoldfastException(
          HoldfastException.Kind.IO, run + ": cannot be tidied (" + AtomicFile.reason(e) + ")", e);
    }
  }

  private static void delete(Path root) throws IOException {
    List<Path> inside;
    try (Stream<Path> all = Files.walk(root)) {
      inside = all.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : inside) {
      Files.delete(path);
    }
  }

  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
