package io.holdfast.engine.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;

/**
 * The checkpoints of a run folder. At any moment, also after a crash or a full disk, the newest
 * complete one can be loaded.
 *
 * <pre>
 * checkpoint-12.tmp/   each file: write, fsync; MANIFEST.json last; fsync of the folder
 *   → rename to checkpoint-12, fsync of the run folder
 *   → pointer files "last" and "best": write aside, fsync, rename, fsync of the run folder
 *   → only now, older checkpoints that nothing points to are deleted, MANIFEST.json first
 * </pre>
 *
 * A folder is a checkpoint if its MANIFEST.json is there and every file has the size it says;
 * {@link #verify} also compares CRC-32C. What is not is ignored, and removed by {@link #clean}.
 */
public final class Checkpoints {

  private static final String MANIFEST = "MANIFEST.json";
  private static final String TEMPORARY = ".tmp";
  private static final Pattern NAME = Pattern.compile("checkpoint-(\\d{1,9})");
  private static final Pattern FILE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*");

  private final Path folder;
  private final Disk disk;
  private final int limit;

  /**
   * @param limit how many of the newest to keep besides those that best and last point to; 0: all
   */
  public Checkpoints(Path folder, Disk disk, int limit) {
    this.folder = folder;
    this.disk = disk;
    this.limit = limit;
  }

  public Path path(int step) {
    return folder.resolve("checkpoint-" + step);
  }

  /**
   * Saves a checkpoint, moves the pointers and deletes what is no longer needed. On failure (kind
   * IO) every earlier checkpoint is as it was.
   *
   * @param bestStep step of the checkpoint with the best model (this one or an earlier); 0: none
   */
  public Path save(int step, int bestStep, Map<String, AtomicFile.Content> files) {
    Path target = path(step);
    Path temporary = folder.resolve(target.getFileName() + TEMPORARY);
    try {
      if (!isComplete(target)) {
        remove(temporary);
        remove(target);
        write(temporary, step, files);
        disk.rename(temporary, target);
        disk.sync(folder);
      }
      point(step, bestStep);
      rotate(step, bestStep);
      return target;
    } catch (IOException e) {
      removeQuietly(temporary);
      throw new HoldfastException(
          HoldfastException.Kind.IO,
          target
              + ": the checkpoint cannot be written ("
              + AtomicFile.reason(e)
              + "); earlier ones are intact: free space and run the same command again",
          e);
    }
  }

  /** Steps of the complete checkpoints, newest first. */
  public List<Integer> steps() {
    try {
      List<Integer> steps = new ArrayList<>();
      for (String name : disk.list(folder)) {
        Matcher matcher = NAME.matcher(name);
        if (matcher.matches() && isComplete(folder.resolve(name))) {
          steps.add(Integer.valueOf(matcher.group(1)));
        }
      }
      steps.sort(Comparator.reverseOrder());
      return steps;
    } catch (IOException e) {
      throw unreadable(folder, e);
    }
  }

  /**
   * True if the checkpoint is complete and every file has the CRC-32C that its manifest says.
   * Throws (kind IO) where that cannot be read: it may be sound all the same.
   */
  public boolean verify(int step) {
    try {
      if (!isComplete(path(step))) {
        return false;
      }
      JsonNode files = manifest(path(step)).path("files");
      for (Map.Entry<String, JsonNode> file : files.properties()) {
        long sum = crc(path(step).resolve(file.getKey()));
        if (sum != file.getValue().path("crc32c").asLong(-1)) {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      throw unreadable(path(step), e);
    }
  }

  /** Removes what an interrupted save or deletion left behind. */
  public void clean() {
    try {
      for (String name : disk.list(folder)) {
        boolean unfinished = name.startsWith("checkpoint-") && name.endsWith(TEMPORARY);
        boolean incomplete = NAME.matcher(name).matches() && !isComplete(folder.resolve(name));
        if (unfinished || incomplete) {
          remove(folder.resolve(name));
        }
      }
    } catch (IOException e) {
      throw unreadable(folder, e);
    }
  }

  /** Removes a checkpoint that turned out to be damaged. */
  public void discard(int step) {
    try {
      remove(path(step));
    } catch (IOException e) {
      throw unreadable(path(step), e);
    }
  }

  private void write(Path temporary, int step, Map<String, AtomicFile.Content> files)
      throws IOException {
    disk.createFolder(temporary);
    ObjectNode manifest = Json.object().put("format", 1).put("step", step);
    ObjectNode sums = manifest.putObject("files");
    for (Map.Entry<String, AtomicFile.Content> file : files.entrySet()) {
      Path path = temporary.resolve(file.getKey());
      long sum = put(path, file.getValue());
      sums.putObject(file.getKey()).put("bytes", disk.size(path)).put("crc32c", sum);
    }
    put(temporary.resolve(MANIFEST), text(Json.pretty(manifest)));
    disk.sync(temporary);
  }

  /** Returns the CRC-32C of what was written. */
  private long put(Path file, AtomicFile.Content content) throws IOException {
    CheckedOutputStream out = new CheckedOutputStream(disk.create(file), new CRC32C());
    try (out) {
      content.writeTo(out);
    }
    disk.sync(file);
    return out.getChecksum().getValue();
  }

  private long crc(Path file) throws IOException {
    try (CheckedInputStream in = new CheckedInputStream(disk.open(file), new CRC32C())) {
      in.transferTo(OutputStream.nullOutputStream());
      return in.getChecksum().getValue();
    }
  }

  private static AtomicFile.Content text(String text) {
    return out -> out.write(text.getBytes(StandardCharsets.UTF_8));
  }

  private void point(int step, int bestStep) throws IOException {
    if (bestStep > 0) {
      point("best", bestStep);
    }
    point("last", step);
    disk.sync(folder);
  }

  private void point(String name, int step) throws IOException {
    Path temporary = folder.resolve(name + TEMPORARY);
    put(temporary, text("checkpoint-" + step + "\n"));
    disk.rename(temporary, folder.resolve(name));
  }

  private void rotate(int last, int best) throws IOException {
    List<Integer> steps = steps();
    for (int i = limit; i < steps.size() && limit > 0; i++) {
      if (steps.get(i) != last && steps.get(i) != best) {
        remove(path(steps.get(i)));
      }
    }
  }

  private boolean isComplete(Path checkpoint) throws IOException {
    if (disk.size(checkpoint.resolve(MANIFEST)) < 0) {
      return false;
    }
    try {
      JsonNode files = manifest(checkpoint).path("files");
      for (Map.Entry<String, JsonNode> file : files.properties()) {
        boolean plain = FILE.matcher(file.getKey()).matches();
        long bytes = file.getValue().path("bytes").asLong(-1);
        if (!plain || bytes < 0 || disk.size(checkpoint.resolve(file.getKey())) != bytes) {
          return false;
        }
      }
      return !files.isEmpty();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private ObjectNode manifest(Path checkpoint) throws IOException {
    try (InputStream in = disk.open(checkpoint.resolve(MANIFEST))) {
      return Json.parse(in.readAllBytes());
    }
  }

  /** The manifest goes first: a half-deleted checkpoint is none. */
  private void remove(Path checkpoint) throws IOException {
    List<String> names = disk.list(checkpoint);
    if (names.contains(MANIFEST)) {
      disk.delete(checkpoint.resolve(MANIFEST));
      disk.sync(checkpoint);
    }
    for (String name : names) {
      if (!name.equals(MANIFEST)) {
        disk.delete(checkpoint.resolve(name));
      }
    }
    if (disk.list(folder).contains(checkpoint.getFileName().toString())) {
      disk.delete(checkpoint);
    }
  }

  /** Gives the space back that a failed save took. */
  private void removeQuietly(Path temporary) {
    try {
      remove(temporary);
    } catch (IOException ignored) {
      // The failure of the save is the one to report; clean() tries again.
    }
  }

  private static HoldfastException unreadable(Path path, IOException e) {
    return AtomicFile.unreadable(HoldfastException.Kind.IO, path, e);
  }
}
