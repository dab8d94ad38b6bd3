package io.holdfast.engine.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reads the files back with a parser of its own. */
class TensorBoardWriterTest {

  @TempDir Path folder;

  @Test
  void readsBack() throws IOException {
    Path file = folder.resolve("runs/x/events.out.tfevents.1.host.2.0");
    try (TensorBoardWriter writer = new TensorBoardWriter(file, 12.5, 0)) {
      Map<String, Double> values = new LinkedHashMap<>();
      values.put("train/loss", 0.25);
      values.put("train/" + "x".repeat(200), -1.0);
      writer.scalars(13.5, 300, values);
    }
    List<String> events = read(file);
    assertEquals("time 12.5 version brain.Event:2", events.get(0));
    assertEquals(
        "time 13.5 step 300 train/loss=0.25 train/" + "x".repeat(200) + "=-1.0", events.get(1));
    assertEquals(2, events.size());
  }

  @Test
  void aRestartedRunHidesWhatCameAfter() throws IOException {
    Path first = folder.resolve("events.out.tfevents.1.host.2.0");
    new TensorBoardWriter(first, 1.0, 0).close();
    assertEquals(1, read(first).size());
    for (int step : new int[] {0, 40}) {
      Path file = folder.resolve("events.out.tfevents.1.host.2." + (step + 1));
      new TensorBoardWriter(file, 2.0, step).close();
      assertEquals(List.of("time 2.0 step " + step + " session 1"), read(file).subList(1, 2));
    }
  }

  @Test
  void aFullDiskIsSaid() {
    Path full = Path.of("/dev/full"); // every write fails: no space left on device
    Assumptions.assumeTrue(Files.exists(full), "no /dev/full here");
    HoldfastException e =
        assertThrows(HoldfastException.class, () -> new TensorBoardWriter(full, 1.0, 0).close());
    assertEquals(HoldfastException.Kind.IO, e.kind());
    assertEquals(
        "/dev/full: cannot be written (No space left on device);"
            + " free space or choose another folder",
        e.getMessage());
  }

  /** The value of the format's published test: crc32c of 32 zero bytes is 0x8a9136aa. */
  @Test
  void masksTheSum() {
    int crc = 0x8a9136aa;
    int masked = ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
    assertEquals(masked, TensorBoardWriter.maskedCrc(new byte[40], 4, 32));
  }

  private static List<String> read(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<String> events = new ArrayList<>();
    while (in.hasRemaining()) {
      int start = in.position();
      int length = Math.toIntExact(in.getLong());
      assertEquals(TensorBoardWriter.maskedCrc(in.array(), start, 8), in.getInt());
      byte[] payload = new byte[length];
      in.get(payload);
      assertEquals(TensorBoardWriter.maskedCrc(payload, 0, length), in.getInt());
      events.add(event(ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN)));
    }
    return events;
  }

  private static String event(ByteBuffer in) {
    List<String> fields = new ArrayList<>();
    while (in.hasRemaining()) {
      int tag = (int) varint(in);
      fields.add(
          switch (tag >> 3) {
            case 1 -> "time " + in.getDouble();
            case 2 -> "step " + varint(in);
            case 3 -> "version " + new String(bytes(in), StandardCharsets.UTF_8);
            case 5 -> summary(nested(in));
            case 7 -> "session " + session(nested(in));
            default -> throw new AssertionError("field " + (tag >> 3));
          });
    }
    return String.join(" ", fields);
  }

  private static String summary(ByteBuffer in) {
    List<String> values = new ArrayList<>();
    while (in.hasRemaining()) {
      assertEquals(1 << 3 | 2, varint(in));
      ByteBuffer value = nested(in);
      assertEquals(1 << 3 | 2, varint(value));
      String tag = new String(bytes(value), StandardCharsets.UTF_8);
      assertEquals(2 << 3 | 5, varint(value));
      values.add(tag + "=" + value.getFloat());
    }
    return String.join(" ", values);
  }

  private static long session(ByteBuffer in) {
    assertEquals(1 << 3, varint(in));
    return varint(in);
  }

  private static ByteBuffer nested(ByteBuffer in) {
    return ByteBuffer.wrap(bytes(in)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] bytes(ByteBuffer in) {
    byte[] bytes = new byte[(int) varint(in)];
    in.get(bytes);
    return bytes;
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte b = in.get();
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) {
        return value;
      }
    }
  }
}
