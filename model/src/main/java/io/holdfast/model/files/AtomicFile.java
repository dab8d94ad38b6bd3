package io.holdfast.model.files;

import io.holdfast.kernels.HoldfastException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Replaces a file as a whole: a reader, also after a crash, finds the old content or the new, never
 * a part. The order is: temporary file in the same folder, fsync, rename, fsync of the folder.
 */
public final class AtomicFile {

  /** What writes the new content. */
  public interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  private AtomicFile() {}

  public static void write(Path file, String text) {
    write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Throws {@link HoldfastException} of kind IO, and leaves the old file, when it cannot. */
  public static void write(Path file, Content content) {
    Path folder = file.toAbsolutePath().getParent();
    Path temporary = folder.resolve(file.getFileName() + ".tmp");
    try {
      Files.createDirectories(folder);
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
        content.writeTo(out);
        out.flush();
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      syncFolder(folder);
    } catch (IOException e) {
      throw unwritable(file, e);
    } finally {
      deleteQuietly(temporary);
    }
  }

  /** The failure to read a file. */
  public static HoldfastException unreadable(
      HoldfastException.Kind kind, Object file, IOException e) {
    return new HoldfastException(kind, file + ": cannot be read (" + reason(e) + ")", e);
  }

  /** The failure to write a file, with what to do. */
  public static HoldfastException unwritable(Path file, IOException e) {
    return new HoldfastException(
        HoldfastException.Kind.IO,
        file + ": cannot be written (" + reason(e) + "); free space or choose another folder",
        e);
  }

  /** Makes renames and deletions in {@code folder} durable. */
  public static void syncFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** What went wrong in words: a file system exception's message alone repeats the path. */
  public static String reason(IOException e) {
    if (e instanceof java.nio.file.NoSuchFileException) {
      return "no such file";
    }
    if (e instanceof java.nio.file.AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof java.nio.file.FileAlreadyExistsException) {
      return e.getMessage() + " is a file";
    }
    if (e instanceof java.nio.file.FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException ignored) {
      // The failure that brought us here is the one to report.
    }
  }
}
