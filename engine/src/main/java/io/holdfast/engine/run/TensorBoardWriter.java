package io.holdfast.engine.run;

import io.holdfast.model.files.AtomicFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Scalars in TensorBoard's event format, flushed after each event.
 *
 * <pre>
 * record = length (8 bytes, little endian) · masked CRC-32C of it · payload · masked CRC-32C of it
 * Event  = 1: wall_time double · 2: step varint · 3: file_version | 5: Summary | 7: SessionLog
 * Summary = 1: Value { 1: tag · 2: simple_value float } …     SessionLog = 1: status (1 = start)
 * </pre>
 */
public final class TensorBoardWriter implements AutoCloseable {

  private static final String PREFIX = "events.out.tfevents.";
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private final Path file;
  private final OutputStream out;

  /**
   * @param file its name must begin with {@value #PREFIX}
   * @param firstStep hides what earlier files of the folder say from this step on
   */
  public TensorBoardWriter(Path file, double wallTime, int firstStep) {
    this.file = file;
    boolean restarted;
    try {
      Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
      restarted = Disk.REAL.list(folder).stream().anyMatch(name -> name.startsWith(PREFIX));
      this.out = Files.newOutputStream(file);
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
    Message version = new Message().fixed64(1, wallTime);
    record(version.bytes(3, "brain.Event:2".getBytes(StandardCharsets.UTF_8)));
    if (restarted) {
      byte[] start = new Message().varint(1, 1).toBytes();
      record(new Message().fixed64(1, wallTime).varint(2, firstStep).bytes(7, start));
    }
  }

  /** One event with a value for each tag. */
  public void scalars(double wallTime, int step, Map<String, Double> values) {
    Message summary = new Message();
    values.forEach(
        (tag, value) -> {
          byte[] name = tag.getBytes(StandardCharsets.UTF_8);
          summary.bytes(1, new Message().bytes(1, name).fixed32(2, value.floatValue()).toBytes());
        });
    record(new Message().fixed64(1, wallTime).varint(2, step).bytes(5, summary.toBytes()));
  }

  private void record(Message event) {
    byte[] payload = event.toBytes();
    ByteBuffer record = ByteBuffer.allocate(payload.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(payload.length);
    record.putInt(maskedCrc(record.array(), 0, 8));
    record.put(payload);
    record.putInt(maskedCrc(payload, 0, payload.length));
    try {
      out.write(record.array());
      out.flush();
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
  }

  /** The mask keeps the sum of data that holds sums apart: {@code rotr(crc, 15) + 0xa282ead8}. */
  static int maskedCrc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw AtomicFile.unwritable(file, e);
    }
  }

  /** Fields of a protocol buffer message, in the order they are added. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Message varint(int field, long value) {
      raw(field << 3 | VARINT);
      raw(value);
      return this;
    }

    Message fixed64(int field, double value) {
      raw(field << 3 | FIXED64);
      out.writeBytes(
          ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putDouble(value).array());
      return this;
    }

    Message fixed32(int field, float value) {
      raw(field << 3 | FIXED32);
      out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array());
      return this;
    }

    Message bytes(int field, byte[] value) {
      raw(field << 3 | BYTES);
      raw(value.length);
      out.writeBytes(value);
      return this;
    }

    byte[] toBytes() {
      return out.toByteArray();
    }

    private void raw(long value) {
      long rest = value;
      while ((rest & ~0x7FL) != 0) {
        out.write((int) (rest & 0x7F | 0x80));
        rest >>>= 7;
      }
      out.write((int) rest);
    }
  }
}
