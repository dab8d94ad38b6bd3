package io.holdfast.model.io;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A weight file's bytes, read at a position; what is read is bounded by what the file holds. A
 * channel and not a map: a file that another program cuts short gives an error, not a crash.
 */
final class WeightBytes implements AutoCloseable {

  private static final int CHUNK = 1 << 18;
  private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

  private final String name;
  private final SeekableByteChannel channel;
  private final long size;

  /**
   * @param name what messages call the file
   */
  WeightBytes(String name, SeekableByteChannel channel) {
    this.name = name;
    this.channel = channel;
    try {
      this.size = channel.size();
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  static WeightBytes open(Path file) {
    try {
      if (Files.isDirectory(file)) {
        throw new IOException("it is a folder");
      }
      return new WeightBytes(file.toString(), Files.newByteChannel(file, StandardOpenOption.READ));
    } catch (IOException e) {
      throw AtomicFile.unreadable(HoldfastException.Kind.MODEL_FILE, file, e);
    }
  }

  String name() {
    return name;
  }

  long size() {
    return size;
  }

  /** Fills {@code into} from {@code position} on. */
  synchronized void read(long position, ByteBuffer into) {
    try {
      channel.position(position);
      while (into.hasRemaining()) {
        if (channel.read(into) < 0) {
          throw new EOFException("it ends early; it was changed while in use");
        }
      }
      into.flip();
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  /** The elements of a tensor of that shape from {@code position} on, as fp32. */
  float[] readReals(long position, ElementType type, int... shape) {
    long elements = Safetensors.elements(shape);
    if (elements > MAX_ARRAY) {
      throw bad("a tensor has " + elements + " elements, too many for one array");
    }
    int count = (int) elements;
    float[] values = new float[count];
    int bytes = type.bits() / 8;
    ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(CHUNK, (long) count * bytes));
    chunk.order(ByteOrder.LITTLE_ENDIAN);
    for (int done = 0; done < count; ) {
      int now = Math.min(count - done, CHUNK / bytes);
      chunk.clear().limit(now * bytes);
      read(position + (long) done * bytes, chunk);
      type.convert(chunk, values, done);
      done += now;
    }
    return values;
  }

  /** A failure of kind MODEL_FILE that names this file. */
  HoldfastException bad(String defect) {
    return new HoldfastException(HoldfastException.Kind.MODEL_FILE, name + ": " + defect);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private HoldfastException unreadable(IOException e) {
    return AtomicFile.unreadable(HoldfastException.Kind.MODEL_FILE, name, e);
  }
}
