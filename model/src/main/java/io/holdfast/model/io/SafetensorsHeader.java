package io.holdfast.model.io;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.StrictJson;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The head of a safetensors file: eight bytes of length, then one JSON object
 *
 * <pre>
 * {"__metadata__": {text: text}, name: {"dtype": …, "shape": […], "data_offsets": [begin, end]}, …}
 * </pre>
 *
 * with offsets into the bytes behind it. The tensors must cover those bytes from the first to the
 * last, without a hole and without an overlap.
 *
 * @param dataStart where offset 0 lies in the file
 */
record SafetensorsHeader(long dataStart, Map<String, Slot> slots) {

  /** The format's own cap on the JSON's length. */
  static final long MAX_HEADER = 100_000_000;

  private static final int MAX_NAME = 1024;
  private static final int MAX_DIMENSIONS = 64;
  private static final String METADATA = "__metadata__";

  /** One tensor; {@code begin} and {@code end} count from {@link #dataStart}. */
  record Slot(String name, ElementType type, int[] shape, long begin, long end) {}

  static SafetensorsHeader read(WeightBytes file) {
    if (file.size() < 8) {
      throw file.bad("not a safetensors file: header too small (" + file.size() + " bytes in all)");
    }
    ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    file.read(0, length);
    long headerBytes = length.getLong();
    if (headerBytes < 0 || headerBytes > MAX_HEADER) {
      throw file.bad(
          String.format(
              "header too large: %s bytes, the format allows %s",
              Long.toUnsignedString(headerBytes), MAX_HEADER));
    }
    if (headerBytes > file.size() - 8) {
      throw file.bad(
          String.format(
              "header length %s goes beyond the file's %s bytes; the file is cut short",
              headerBytes, file.size()));
    }
    ByteBuffer header = ByteBuffer.allocate((int) headerBytes);
    file.read(8, header);
    String json = StrictJson.utf8(header.array(), file.name() + ": header");
    if (!json.startsWith("{")) {
      throw file.bad("header is not JSON: it does not begin with '{'");
    }
    SafetensorsHeader result = new Reader(file, 8 + headerBytes).parse(json);
    checkCover(file, result);
    return result;
  }

  private static void checkCover(WeightBytes file, SafetensorsHeader header) {
    List<Slot> inOrder = new ArrayList<>(header.slots.values());
    inOrder.sort(Comparator.comparingLong(Slot::begin).thenComparingLong(Slot::end));
    long covered = 0;
    for (Slot slot : inOrder) {
      if (slot.begin != covered) {
        throw file.bad(
            String.format(
                "tensor '%s' begins at %s where %s was expected: a hole or an overlap",
                brief(slot.name), slot.begin, covered));
      }
      covered = slot.end;
    }
    long held = file.size() - header.dataStart;
    if (covered != held) {
      throw file.bad(
          String.format(
              "its tensors take %s bytes but %s follow the header; %s",
              covered, held, covered > held ? "the file is cut short" : "the tail is not covered"));
    }
  }

  /** One pass over the JSON; nothing but the slots is kept. */
  private record Reader(WeightBytes file, long dataStart) {

    SafetensorsHeader parse(String json) {
      Map<String, Slot> slots = new LinkedHashMap<>();
      try (JsonParser p = StrictJson.factory().createParser(json)) {
        p.nextToken(); // the brace
        while (p.nextToken() != JsonToken.END_OBJECT) {
          String name = p.currentName();
          expect(name.length() <= MAX_NAME, name, "has too long a name");
          expect(p.nextToken() == JsonToken.START_OBJECT, name, "is not an object");
          if (name.equals(METADATA)) {
            checkMetadata(p);
          } else {
            slots.put(name, readSlot(p, name));
          }
        }
        if (p.nextToken() != null) {
          throw file.bad("header has more than one JSON value");
        }
      } catch (IOException e) {
        throw file.bad("header is not valid JSON: " + StrictJson.reason(e));
      }
      return new SafetensorsHeader(dataStart, slots);
    }

    private void checkMetadata(JsonParser p) throws IOException {
      while (p.nextToken() != JsonToken.END_OBJECT) {
        expect(p.nextToken() == JsonToken.VALUE_STRING, METADATA, "holds more than text");
      }
    }

    private Slot readSlot(JsonParser p, String name) throws IOException {
      ElementType type = null;
      long[] shape = null;
      long[] offsets = null;
      while (p.nextToken() != JsonToken.END_OBJECT) {
        String key = p.currentName();
        p.nextToken();
        switch (key) {
          case "dtype" -> type = readType(p, name);
          case "shape" -> shape = readLongs(p, name, key);
          case "data_offsets" -> offsets = readLongs(p, name, key);
          default -> p.skipChildren();
        }
      }
      expect(
          type != null && shape != null && offsets != null,
          name,
          "lacks dtype, shape or data_offsets");
      expect(offsets.length == 2, name, "needs two data_offsets");
      return slot(name, type, shape, offsets[0], offsets[1]);
    }

    private ElementType readType(JsonParser p, String name) throws IOException {
      expect(p.currentToken() == JsonToken.VALUE_STRING, name, "has a bad dtype");
      for (ElementType type : ElementType.values()) {
        if (type.name().equals(p.getText())) {
          return type;
        }
      }
      throw bad(name, "has the unknown dtype '" + brief(p.getText()) + "'");
    }

    private long[] readLongs(JsonParser p, String name, String key) throws IOException {
      expect(p.currentToken() == JsonToken.START_ARRAY, name, "needs a list as its " + key);
      long[] values = new long[MAX_DIMENSIONS];
      int count = 0;
      while (p.nextToken() != JsonToken.END_ARRAY) {
        expect(count < MAX_DIMENSIONS, name, "has too long a " + key);
        expect(
            p.currentToken() == JsonToken.VALUE_NUMBER_INT
                && p.getNumberType() != JsonParser.NumberType.BIG_INTEGER
                && p.getLongValue() >= 0,
            name,
            "has " + key + " with something else than sizes");
        values[count++] = p.getLongValue();
      }
      return Arrays.copyOf(values, count);
    }

    private Slot slot(String name, ElementType type, long[] dims, long begin, long end) {
      expect(begin <= end, name, "has bad offsets, " + begin + " is beyond " + end);
      int[] shape = new int[dims.length];
      long bits = type.bits();
      try {
        for (int i = 0; i < dims.length; i++) {
          shape[i] = Math.toIntExact(dims[i]);
          bits = Math.multiplyExact(bits, dims[i]);
        }
      } catch (ArithmeticException e) {
        throw bad(name, "has a bad shape, its size overflows");
      }
      expect(bits % 8 == 0, name, "does not end on a whole byte");
      expect(
          bits / 8 == end - begin,
          name,
          "has bad offsets, "
              + (end - begin)
              + " bytes where its shape and dtype need "
              + bits / 8);
      return new Slot(name, type, shape, begin, end);
    }

    private void expect(boolean fact, String name, String defect) {
      if (!fact) {
        throw bad(name, defect);
      }
    }

    private HoldfastException bad(String name, String defect) {
      return file.bad("tensor '" + brief(name) + "' " + defect);
    }
  }

  /** Keeps a message to one short line whatever names a file holds. */
  static String brief(String text) {
    String line = text.replaceAll("\\p{Cntrl}", "?");
    return line.length() > 200 ? line.substring(0, 200) + "…" : line;
  }
}
