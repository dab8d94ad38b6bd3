package io.holdfast.model.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes the parts of an ONNX file that a reader of weights looks at. */
final class OnnxBuilder {

  private final ByteArrayOutputStream graph = new ByteArrayOutputStream();

  OnnxBuilder initializer(String name, int[] shape, float... values) {
    field(graph, 5, tensor(name, shape, values));
    return this;
  }

  OnnxBuilder initializer(byte[] tensor) {
    field(graph, 5, tensor);
    return this;
  }

  OnnxBuilder node(String op, String name, String output, String... inputs) {
    field(graph, 1, node(op, name, output, null, inputs));
    return this;
  }

  OnnxBuilder constant(String output, float value) {
    byte[] attribute = message(1, "value".getBytes(StandardCharsets.UTF_8));
    attribute = concat(attribute, message(5, tensor("", new int[0], value)));
    field(graph, 1, node("Constant", "", output, attribute));
    return this;
  }

  byte[] build() {
    return concat(new byte[] {0x08, 0x07}, message(7, graph.toByteArray()));
  }

  private static byte[] node(
      String op, String name, String output, byte[] attribute, String... inputs) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String input : inputs) {
      field(out, 1, input.getBytes(StandardCharsets.UTF_8));
    }
    field(out, 2, output.getBytes(StandardCharsets.UTF_8));
    field(out, 3, name.getBytes(StandardCharsets.UTF_8));
    field(out, 4, op.getBytes(StandardCharsets.UTF_8));
    if (attribute != null) {
      field(out, 5, attribute);
    }
    return out.toByteArray();
  }

  /** A TensorProto with fp32 raw_data. */
  static byte[] tensor(String name, int[] shape, float... values) {
    ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return tensor(name, shape, 1, 9, data.array());
  }

  static byte[] tensor(String name, int[] shape, int type, int dataField, byte[] data) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int dimension : shape) {
      out.write(0x08);
      varint(out, dimension);
    }
    out.write(0x10);
    varint(out, type);
    field(out, 8, name.getBytes(StandardCharsets.UTF_8));
    field(out, dataField, data);
    return out.toByteArray();
  }

  static byte[] message(int number, byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    field(out, number, content);
    return out.toByteArray();
  }

  static byte[] concat(byte[] a, byte[] b) {
    return ByteBuffer.allocate(a.length + b.length).put(a).put(b).array();
  }

  private static void field(ByteArrayOutputStream out, int number, byte[] content) {
    varint(out, number << 3 | 2);
    varint(out, content.length);
    out.writeBytes(content);
  }

  private static void varint(ByteArrayOutputStream out, long value) {
    long rest = value;
    while ((rest & ~127L) != 0) {
      out.write((int) (rest & 127 | 128));
      rest >>>= 7;
    }
    out.write((int) rest);
  }
}
