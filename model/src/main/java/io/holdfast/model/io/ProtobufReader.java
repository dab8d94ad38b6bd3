package io.holdfast.model.io;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Reads the fields of protobuf messages in a file: {@link #next} moves to a field, then one of the
 * value methods takes it; a field that is not taken is skipped. Lengths are checked against the
 * enclosing message before anything is allocated.
 */
final class ProtobufReader {

  static final int VARINT = 0;
  static final int FIXED64 = 1;
  static final int BYTES = 2;
  static final int FIXED32 = 5;

  private static final int WINDOW = 1 << 16;

  private final WeightBytes file;
  private final ByteBuffer window;
  private long windowStart;

  private long position;
  private long end;
  private int field;
  private int wire;
  private long valueEnd;

  ProtobufReader(WeightBytes file) {
    this.file = file;
    this.end = file.size();
    this.window = ByteBuffer.allocate((int) Math.min(WINDOW, file.size()));
    window.limit(0);
  }

  /** Moves to the next field of the current message; false at its end. */
  boolean next() {
    if (field != 0) {
      position = valueEnd;
    }
    if (position == end) {
      field = 0;
      return false;
    }
    long tag = readVarint();
    field = (int) (tag >>> 3);
    wire = (int) (tag & 7);
    if (tag >>> 32 != 0 || field == 0) {
      throw malformed();
    }
    switch (wire) {
      case VARINT -> {
        long start = position;
        readVarint();
        valueEnd = position;
        position = start;
      }
      case FIXED64 -> valueEnd = within(8);
      case FIXED32 -> valueEnd = within(4);
      case BYTES -> {
        long length = readVarint();
        valueEnd = within(length);
      }
      default -> throw malformed();
    }
    return true;
  }

  /** The current field's number. */
  int field() {
    return field;
  }

  int wire() {
    return wire;
  }

  /** Where the current field's bytes lie in the file. */
  long start() {
    return position;
  }

  long length() {
    return valueEnd - position;
  }

  long varint() {
    require(VARINT);
    long start = position;
    long value = readVarint();
    position = start;
    return value;
  }

  String text(int maxBytes) {
    require(BYTES);
    if (length() > maxBytes) {
      throw file.bad("a name of " + length() + " bytes at byte " + position);
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) length());
    file.read(position, bytes);
    return StandardCharsets.UTF_8.decode(bytes).toString();
  }

  /** Enters the message in the current field and runs {@code each} at each of its fields. */
  void message(Runnable each) {
    require(BYTES);
    long outerEnd = end;
    long after = valueEnd;
    end = valueEnd;
    field = 0;
    while (next()) {
      each.run();
    }
    end = outerEnd;
    position = after;
    field = 0;
  }

  /** Runs {@code each} for the current field's numbers, packed or single. */
  void varints(java.util.function.LongConsumer each) {
    if (wire == VARINT) {
      each.accept(varint());
      return;
    }
    require(BYTES);
    long start = position;
    long outerEnd = end;
    end = valueEnd;
    while (position < end) {
      each.accept(readVarint());
    }
    end = outerEnd;
    position = start;
  }

  private void require(int expected) {
    if (wire != expected) {
      throw malformed();
    }
  }

  private long within(long length) {
    if (length < 0 || length > end - position) {
      throw malformed();
    }
    return position + length;
  }

  private long readVarint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      int b = readByte();
      value |= (long) (b & 127) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw malformed();
  }

  private byte readByte() {
    if (position >= end) {
      throw malformed();
    }
    if (position < windowStart || position >= windowStart + window.limit()) {
      windowStart = position;
      window.clear().limit((int) Math.min(window.capacity(), file.size() - position));
      file.read(position, window);
    }
    return window.get((int) (position++ - windowStart));
  }

  private RuntimeException malformed() {
    return file.bad("not a well-formed ONNX file (at byte " + position + ")");
  }
}
