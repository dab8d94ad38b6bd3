package io.holdfast.engine.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;

/** The file operations that checkpoints are made of, so that a test can fail each of them. */
public interface Disk {

  Disk REAL = new RealDisk();

  /** Names in a folder, sorted; none if there is no such folder. */
  List<String> list(Path folder) throws IOException;

  /** Bytes of a regular file (no link); −1 if there is none. */
  long size(Path file) throws IOException;

  InputStream open(Path file) throws IOException;

  /** Creates the folder and its parents. */
  void createFolder(Path folder) throws IOException;

  /** Opens a new or emptied file for writing, buffered. */
  OutputStream create(Path file) throws IOException;

  /** Makes the content of a file, or the entries of a folder, durable. */
  void sync(Path fileOrFolder) throws IOException;

  /** Atomically, replacing a file that is there. */
  void rename(Path from, Path to) throws IOException;

  /** A file or an empty folder. */
  void delete(Path path) throws IOException;
}
