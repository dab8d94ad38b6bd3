package io.holdfast.model.io;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.model.files.AtomicFile;
import io.holdfast.model.files.StrictJson;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * The safetensors format, in and out. What is opened has been validated as a whole: {@link
 * SafetensorsHeader} refuses every defect the format's specification names.
 */
public final class Safetensors implements TensorSource {

  private static final int CHUNK = 1 << 16;
  private static final int ALIGNMENT = 8;

  private final WeightBytes file;
  private final SafetensorsHeader header;
  private final Map<String, int[]> shapes = new LinkedHashMap<>();

  Safetensors(WeightBytes file) {
    this.file = file;
    this.header = SafetensorsHeader.read(file);
    header.slots().forEach((name, slot) -> shapes.put(name, slot.shape()));
  }

  public static Safetensors open(Path path) {
    WeightBytes file = WeightBytes.open(path);
    try {
      return new Safetensors(file);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** All tensors, those of whole numbers too. */
  @Override
  public Map<String, int[]> shapes() {
    return Collections.unmodifiableMap(shapes);
  }

  @Override
  public float[] read(String name) {
    SafetensorsHeader.Slot slot = header.slots().get(name);
    if (slot == null) {
      throw file.bad("no tensor '" + name + "'");
    }
    if (!slot.type().real()) {
      throw file.bad("tensor '" + name + "' is of dtype " + slot.type() + ", not of real numbers");
    }
    return file.readReals(header.dataStart() + slot.begin(), slot.type(), slot.shape());
  }

  @Override
  public void close() {
    file.close();
  }

  /**
   * Writes fp32 tensors, sorted by name, one at a time. Equal tensors give equal bytes: those that
   * Hugging Face's own writer gives.
   *
   * @param values the elements of the named tensor, row-major
   */
  public static void write(Path path, Map<String, int[]> shapes, Function<String, float[]> values) {
    AtomicFile.write(path, out -> write(out, shapes, values));
  }

  /** As {@link #write(Path, Map, Function)}, to a stream that the caller flushes and closes. */
  public static void write(
      OutputStream out, Map<String, int[]> shapes, Function<String, float[]> values)
      throws IOException {
    Map<String, int[]> sorted = new TreeMap<>(shapes);
    byte[] head = header(sorted);
    out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(head.length).array());
    out.write(head);
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    for (Map.Entry<String, int[]> tensor : sorted.entrySet()) {
      float[] x = values.apply(tensor.getKey());
      if (x.length != elements(tensor.getValue())) {
        throw new IllegalArgumentException(
            tensor.getKey()
                + ": "
                + x.length
                + " values for "
                + Arrays.toString(tensor.getValue()));
      }
      for (int done = 0; done < x.length; done += CHUNK / 4) {
        int now = Math.min(x.length - done, CHUNK / 4);
        chunk.asFloatBuffer().put(x, done, now);
        out.write(chunk.array(), 0, now * 4);
      }
    }
  }

  private static byte[] header(Map<String, int[]> shapes) {
    ObjectNode root = StrictJson.newObject();
    root.putObject("__metadata__").put("format", "pt");
    long offset = 0;
    for (Map.Entry<String, int[]> tensor : shapes.entrySet()) {
      ObjectNode slot = root.putObject(tensor.getKey());
      slot.put("dtype", "F32");
      Arrays.stream(tensor.getValue()).forEach(slot.putArray("shape")::add);
      long end = offset + 4 * elements(tensor.getValue());
      slot.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    byte[] json = StrictJson.compact(root).getBytes(StandardCharsets.UTF_8);
    byte[] padded = Arrays.copyOf(json, (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    return padded;
  }

  static long elements(int[] shape) {
    return Arrays.stream(shape).asLongStream().reduce(1, Math::multiplyExact);
  }
}
