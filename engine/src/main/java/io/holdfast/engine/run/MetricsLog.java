package io.holdfast.engine.run;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * metrics.jsonl: one object a line, appended and flushed. A resumed run first cuts what came after
 * its checkpoint, so that the file ends up like that of a run that was never stopped.
 */
public final class MetricsLog implements AutoCloseable {

  private final Path file;
  private final OutputStream out;

  /**
   * @param kept which lines stay; a line cut short by a crash does not
   */
  public MetricsLog(Path file, Predicate<ObjectNode> kept) {
    this.file = file;
    try {
      if (Files.exists(file)) {
        keep(file, kept);
      }
      this.out = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
  }

  public void append(ObjectNode line) {
    try {
      out.write((Json.line(line) + "\n").getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
  }

  /** All lines so far. */
  public List<ObjectNode> read() {
    try {
      List<ObjectNode> lines = new ArrayList<>();
      for (String line : Files.readAllLines(file)) {
        lines.add(Json.parse(line));
      }
      return lines;
    } catch (IOException e) {
      throw AtomicFile.unreadable(HoldfastException.Kind.IO, file, e);
    }
  }

  private static void keep(Path file, Predicate<ObjectNode> kept) throws IOException {
    StringBuilder text = new StringBuilder();
    for (String line : Files.readAllLines(file)) {
      try {
        if (kept.test(Json.parse(line))) {
          text.append(line).append('\n');
        }
      } catch (IllegalArgumentException e) {
        break; // the line that was being written when the run was killed
      }
    }
    AtomicFile.write(file, text.toString());
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
  }
}
