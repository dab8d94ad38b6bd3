package io.holdfast.engine.compare;

import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * ledger.jsonl: the result of every run that has ended, one JSON object a line, appended and
 * synced. A line without its end was being written when the process was killed; it does not count.
 * When a grid ends its lines are put in the order of its trials, which that of their ends hides.
 */
public final class Ledger implements AutoCloseable {

  public static final String NAME = "ledger.jsonl";

  private final Path file;
  private final FileChannel channel;
  private long size;

  /** Opens the file for appending, creating it if need be, and drops a line without its end. */
  Ledger(Path file) {
    this.file = file;
    try {
      boolean isNew = !Files.exists(file);
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      size = wholeLines(Files.readAllBytes(file));
      channel.truncate(size);
      if (isNew) {
        AtomicFile.syncFolder(file.toAbsolutePath().getParent());
      }
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
  }

  /** Results of a ledger, in the order of its lines. */
  public static List<RunResult> read(Path file) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      String text = new String(bytes, 0, wholeLines(bytes), StandardCharsets.UTF_8);
      List<RunResult> results = new ArrayList<>();
      for (String line : text.lines().toList()) {
        results.add(parse(file, results.size() + 1, line));
      }
      return results;
    } catch (IOException e) {
      throw AtomicFile.unreadable(HoldfastException.Kind.IO, file, e);
    }
  }

  private static RunResult parse(Path file, int number, String line) {
    try {
      return RunResult.of(Json.parse(line));
    } catch (IllegalArgumentException e) {
      String why = e.getMessage().lines().findFirst().orElse("");
      throw new HoldfastException(
          HoldfastException.Kind.DATA,
          file
              + ":"
              + number
              + ": not the result of a run ("
              + why
              + "): delete the line, or name a ledger",
          e);
    }
  }

  private static int wholeLines(byte[] bytes) {
    int end = bytes.length;
    while (end > 0 && bytes[end - 1] != '\n') {
      end--;
    }
    return end;
  }

  /**
   * Returns once the line is on the disk. A line that cannot be written as a whole is written over
   * by the next.
   */
  synchronized void append(RunResult result) {
    String line = Json.line(Json.tree(result)) + "\n";
    ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
    try {
      channel.truncate(size);
      while (bytes.hasRemaining()) {
        channel.write(bytes, size + bytes.position());
      }
      channel.force(true);
      size += bytes.limit();
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
  }

  /**
   * Puts the lines of these runs behind all others, in this order. Nothing is appended after it.
   */
  synchronized void order(List<String> runs) {
    Map<String, Integer> places = new HashMap<>();
    runs.forEach(run -> places.put(run, places.size()));
    try {
      List<String> lines = Files.readString(file).lines().toList();
      List<String> ordered = new ArrayList<>(lines);
      ordered.sort(
          Comparator.comparingInt(
              line -> places.getOrDefault(Json.parse(line).get("run").asText(), -1)));
      if (!ordered.equals(lines)) {
        AtomicFile.write(file, String.join("\n", ordered) + "\n");
      }
    } catch (IOException e) {
      throw AtomicFile.unreadable(HoldfastException.Kind.IO, file, e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
  }
}
