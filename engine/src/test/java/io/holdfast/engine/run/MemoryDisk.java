package io.holdfast.engine.run;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A disk in memory that can fail, or crash, at its n-th operation, and that forgets in a crash what
 * was not synced: content of files, and names in folders.
 */
final class MemoryDisk implements Disk {

  /** A file's content, or a folder's entries, and what of it a crash spares. */
  private static final class Node {
    private final boolean folder;
    private byte[] content = new byte[0];
    private byte[] durableContent = new byte[0];
    private Map<String, Node> entries = new TreeMap<>();
    private Map<String, Node> durableEntries = new TreeMap<>();

    Node(boolean folder) {
      this.folder = folder;
    }

    void sync() {
      durableContent = content;
      durableEntries = new TreeMap<>(entries);
    }

    void forget() {
      content = durableContent;
      entries = new TreeMap<>(durableEntries);
      entries.values().forEach(Node::forget);
    }
  }

  private final Node root = new Node(true);

  /** Has the folder {@code home}, durably. */
  MemoryDisk(Path home) {
    root.entries.put(home.getFileName().toString(), new Node(true));
    root.sync();
  }

  private int operations;
  private int failAt = Integer.MAX_VALUE;
  private boolean partialWrite;

  int operations() {
    return operations;
  }

  /**
   * Operation {@code n} from now on (from 1), and all after it, throw.
   *
   * @param partial a failing write leaves half of its bytes
   */
  void failFrom(int n, boolean partial) {
    failAt = operations + n;
    partialWrite = partial;
  }

  void heal() {
    failAt = Integer.MAX_VALUE;
  }

  /**
   * Power is lost and comes back.
   *
   * @param keepsUnsynced true: everything happened to reach the platter
   */
  void crash(boolean keepsUnsynced) {
    if (!keepsUnsynced) {
      root.forget();
    }
    heal();
  }

  private void operation(String what) throws IOException {
    if (++operations >= failAt) {
      throw new IOException("No space left on device (" + what + ")");
    }
  }

  /** The node at a path; null if there is none. */
  private Node find(Path path) {
    Node node = root;
    for (Path name : path) {
      node = node == null ? null : node.entries.get(name.toString());
    }
    return node;
  }

  private Map<String, Node> siblings(Path path) {
    return find(path.getParent()).entries;
  }

  @Override
  public List<String> list(Path folder) {
    Node node = find(folder);
    return node == null ? List.of() : List.copyOf(node.entries.keySet());
  }

  @Override
  public long size(Path file) {
    Node node = find(file);
    return node == null || node.folder ? -1 : node.content.length;
  }

  @Override
  public InputStream open(Path file) throws IOException {
    if (size(file) < 0) {
      throw new IOException(file + ": no such file");
    }
    return new ByteArrayInputStream(find(file).content);
  }

  @Override
  public void createFolder(Path folder) throws IOException {
    operation("mkdir");
    siblings(folder).putIfAbsent(folder.getFileName().toString(), new Node(true));
  }

  @Override
  public OutputStream create(Path file) throws IOException {
    operation("create");
    Node node = new Node(false);
    siblings(file).put(file.getFileName().toString(), node);
    return new OutputStream() {
      private final ByteArrayOutputStream written = new ByteArrayOutputStream();

      @Override
      public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        int done = 0;
        try {
          operation("write");
          done = length;
        } catch (IOException e) {
          done = partialWrite ? length / 2 : 0;
          throw e;
        } finally {
          written.write(bytes, from, done);
          node.content = written.toByteArray();
        }
      }
    };
  }

  @Override
  public void sync(Path path) throws IOException {
    operation("fsync");
    find(path).sync();
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    operation("rename");
    Node node = siblings(from).remove(from.getFileName().toString());
    siblings(to).put(to.getFileName().toString(), node);
  }

  @Override
  public void delete(Path path) throws IOException {
    operation("delete");
    if (find(path) == null || !find(path).entries.isEmpty()) {
      throw new IOException(path + ": no such file, or a folder that is not empty");
    }
    siblings(path).remove(path.getFileName().toString());
  }
}
