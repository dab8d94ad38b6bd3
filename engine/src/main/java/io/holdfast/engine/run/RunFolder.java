package io.holdfast.engine.run;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/**
 * The output folder of a run and the names in it. A folder is ours if it has a run.json of
 * Holdfast; any other folder must be new or empty. One process at a time has it: it holds a lock on
 * run.lock, which the system lifts however the process ends.
 */
public final class RunFolder implements AutoCloseable {

  private static final String GENERATOR = "generator";
  private static final String HOLDFAST = "holdfast";

  private static final String LOCK = "run.lock";

  /** What a start leaves that ended before run.json was there. */
  private static final Set<String> UNSTARTED = Set.of(LOCK, "run.json.tmp");

  private final Path folder;
  private final FolderLock lock;

  private RunFolder(Path folder, FolderLock lock) {
    this.folder = folder;
    this.lock = lock;
  }

  /**
   * Takes the folder, creating it if need be. Throws (kind USAGE), with nothing touched, if it
   * holds something that is not a run of Holdfast or is another process's.
   */
  public static RunFolder claim(Path folder) {
    try {
      if (Files.exists(folder) && !Files.isDirectory(folder)) {
        throw usage("--output-dir " + folder + " is a file: name a new or empty folder");
      }
      boolean used = !UNSTARTED.containsAll(Disk.REAL.list(folder));
      if (used && !isRun(folder)) {
        throw usage(
            "--output-dir "
                + folder
                + " is not empty and not a run of Holdfast: name a new or empty folder");
      }
      return new RunFolder(folder, FolderLock.take(folder, LOCK));
    } catch (IOException e) {
      throw FolderLock.failed(folder, e);
    }
  }

  /** True for a new or empty folder, one with any of the files {@code own}, or with a run in it. */
  public static boolean mayHoldRuns(Path folder, String... own) {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      return false;
    }
    try {
      List<String> names = Disk.REAL.list(folder);
      boolean run = false;
      for (String name : names) {
        run |= isRun(folder.resolve(name));
      }
      return run || names.isEmpty() || !Collections.disjoint(names, List.of(own));
    } catch (IOException e) {
      throw FolderLock.failed(folder, e);
    }
  }

  /** True if a process has the folder. */
  public static boolean isInUse(Path folder) {
    if (!Files.isDirectory(folder)) {
      return false;
    }
    try (FolderLock lock = FolderLock.tryTake(folder, LOCK)) {
      return lock == null;
    }
  }

  /** True if the folder has a run.json of Holdfast. */
  static boolean isRun(Path folder) throws IOException {
    Path file = folder.resolve("run.json");
    if (Disk.REAL.size(file) < 0) {
      return false;
    }
    try {
      return Json.parse(Files.readAllBytes(file)).path(GENERATOR).asText().equals(HOLDFAST);
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  public Path path() {
    return folder;
  }

  /** True if a finished run has left its model. */
  public boolean hasModel() {
    return Files.exists(folder.resolve("model.safetensors"));
  }

  public Path metrics() {
    return folder.resolve("metrics.jsonl");
  }

  /** A new file for TensorBoard, named as its own writers do. */
  public Path events(String runName) {
    long seconds = System.currentTimeMillis() / 1000;
    long process = ProcessHandle.current().pid();
    String name = "events.out.tfevents." + seconds + "." + host() + "." + process + ".";
    Path runs = folder.resolve("runs").resolve(runName);
    int number = 0;
    while (Files.exists(runs.resolve(name + number))) {
      number++;
    }
    return runs.resolve(name + number);
  }

  /** What run.json of an earlier start says; null if there was none. */
  public ObjectNode previousRun() {
    try {
      Path file = folder.resolve("run.json");
      return Disk.REAL.size(file) < 0 ? null : Json.parse(Files.readAllBytes(file));
    } catch (IOException e) {
      throw FolderLock.failed(folder, e);
    }
  }

  public void writeRun(ObjectNode run) {
    ObjectNode marked = Json.object().put(GENERATOR, HOLDFAST);
    marked.setAll(run);
    write("run.json", Json.pretty(marked));
  }

  /** Replaces a file of the folder as a whole. */
  public void write(String name, String text) {
    AtomicFile.write(folder.resolve(name), text);
  }

  @Override
  public void close() {
    lock.close();
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  private static HoldfastException usage(String message) {
    return new HoldfastException(HoldfastException.Kind.USAGE, message);
  }
}
