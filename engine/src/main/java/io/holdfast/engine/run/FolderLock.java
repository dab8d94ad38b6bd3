package io.holdfast.engine.run;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A folder that one process at a time may write to; the system lifts the lock however it ends. */
public final class FolderLock implements AutoCloseable {

  private final Path folder;
  private final FileChannel channel;

  private FolderLock(Path folder, FileChannel channel) {
    this.folder = folder;
    this.channel = channel;
  }

  /**
   * Takes the lock; null if it is held, by this process or another.
   *
   * @param name of the file that stands for the lock; nothing else may open it
   */
  public static FolderLock tryTake(Path folder, String name) {
    Path file = folder.resolve(name);
    try {
      Files.createDirectories(folder);
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (isTaken(channel)) {
        return new FolderLock(folder, channel);
      }
      channel.close();
      return null;
    } catch (IOException e) {
      throw failed(folder, e);
    }
  }

  /** As {@link #tryTake}, but throws (kind USAGE) if the lock is held. */
  public static FolderLock take(Path folder, String name) {
    FolderLock lock = tryTake(folder, name);
    if (lock == null) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "--output-dir "
              + folder
              + " is being written by another process: wait for its end, or name another folder");
    }
    return lock;
  }

  private static boolean isTaken(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false; // held by this process itself
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw failed(folder, e);
    }
  }

  static HoldfastException failed(Path folder, IOException e) {
    return new HoldfastException(
        HoldfastException.Kind.IO,
        folder
            + ": cannot be used ("
            + AtomicFile.reason(e)
            + "); free space or choose another folder",
        e);
  }
}
