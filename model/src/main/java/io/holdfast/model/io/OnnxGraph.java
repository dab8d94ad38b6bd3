package io.holdfast.model.io;

import io.holdfast.kernels.HoldfastException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an ONNX file says that weights depend on: its initializers, constants and, of its nodes,
 * operation, name and inputs. Numbers in comments are the field numbers of ONNX's published schema.
 */
final class OnnxGraph {

  private static final int MAX_NAME = 1024;
  private static final int MAX_DIMENSIONS = 16;

  /**
   * A tensor's place in the file.
   *
   * @param type null for a type that does not matter here
   * @param start of the elements, little endian
   */
  record OnnxTensor(String name, ElementType type, int[] shape, long start) {

    boolean scalar() {
      return type != null && type.real() && Safetensors.elements(shape) == 1;
    }
  }

  record OnnxNode(String op, String name, List<String> inputs) {}

  private final WeightBytes file;
  private final ProtobufReader in;
  final Map<String, OnnxTensor> initializers = new LinkedHashMap<>();
  final List<OnnxNode> nodes = new ArrayList<>();

  /** Values of Constant nodes by the name of their output. */
  final Map<String, OnnxTensor> constants = new HashMap<>();

  OnnxGraph(WeightBytes file) {
    this.file = file;
    this.in = new ProtobufReader(file);
    while (in.next()) {
      if (in.field() == 7) { // ModelProto.graph
        in.message(this::readGraph);
      }
    }
    if (initializers.isEmpty()) {
      throw file.bad("not an ONNX model with weights: it has no initializers");
    }
  }

  private void readGraph() {
    switch (in.field()) {
      case 1 -> nodes.add(readNode()); // node
      case 5 -> { // initializer
        OnnxTensor tensor = readTensor();
        if (initializers.put(tensor.name(), tensor) != null) {
          throw file.bad("two initializers are named '" + brief(tensor.name()) + "'");
        }
      }
      default -> {}
    }
  }

  private OnnxNode readNode() {
    List<String> inputs = new ArrayList<>();
    String[] texts = {"", "", null}; // op, name, first output
    OnnxTensor[] constant = {null};
    in.message(
        () -> {
          switch (in.field()) {
            case 1 -> inputs.add(in.text(MAX_NAME)); // input
            case 2 -> texts[2] = texts[2] == null ? in.text(MAX_NAME) : texts[2]; // output
            case 3 -> texts[1] = in.text(MAX_NAME); // name
            case 4 -> texts[0] = in.text(MAX_NAME); // op_type
            case 5 -> constant[0] = readAttribute(constant[0]); // attribute
            default -> {}
          }
        });
    String output = texts[2] == null ? "" : texts[2];
    if (texts[0].equals("Constant") && constant[0] != null) {
      constants.put(output, constant[0]);
    }
    return new OnnxNode(texts[0], texts[1], inputs);
  }

  private OnnxTensor readAttribute(OnnxTensor before) {
    OnnxTensor[] tensor = {before};
    in.message(
        () -> {
          if (in.field() == 5) { // t
            tensor[0] = readTensor();
          }
        });
    return tensor[0];
  }

  private OnnxTensor readTensor() {
    TensorFields t = new TensorFields();
    in.message(t::take);
    return t.finish();
  }

  /** The fields of one TensorProto as they come. */
  private final class TensorFields {
    private final List<Long> dims = new ArrayList<>();
    private String name = "";
    private long typeCode;
    private boolean external;
    private long start = -1;
    private long length;

    void take() {
      switch (in.field()) {
        case 1 -> in.varints(this::addDimension); // dims
        case 2 -> typeCode = in.varint(); // data_type
        case 4, 9, 10 -> takeData(); // float_data, raw_data, double_data
        case 8 -> name = in.text(MAX_NAME); // name
        case 13 -> external = true; // external_data
        case 14 -> external |= in.varint() == 1; // data_location
        default -> {}
      }
    }

    private void addDimension(long dimension) {
      if (dims.size() == MAX_DIMENSIONS) {
        throw bad(" has too many dimensions");
      }
      dims.add(dimension);
    }

    private void takeData() {
      if (in.wire() != ProtobufReader.BYTES || start >= 0) {
        throw bad(": its data is in more than one piece");
      }
      start = in.start();
      length = in.length();
    }

    OnnxTensor finish() {
      if (external) {
        throw bad(" is kept in another file; export the model with its weights inside");
      }
      ElementType type = type();
      int[] shape = new int[dims.size()];
      long bytes = type == null ? 0 : type.bits() / 8;
      try {
        for (int i = 0; i < shape.length; i++) {
          shape[i] = Math.toIntExact(dims.get(i));
          bytes = Math.multiplyExact(bytes, shape[i]);
          if (shape[i] < 0) {
            throw new ArithmeticException();
          }
        }
      } catch (ArithmeticException e) {
        throw bad(": bad shape, its size overflows");
      }
      if (type != null && type.real() && (start < 0 ? bytes != 0 : bytes != length)) {
        throw bad(": " + length + " bytes of data where its shape and type need " + bytes);
      }
      return new OnnxTensor(name, type, shape, start);
    }

    private HoldfastException bad(String defect) {
      return file.bad("tensor '" + brief(name) + "'" + defect);
    }

    private ElementType type() {
      return switch ((int) typeCode) {
        case 1 -> ElementType.F32;
        case 10 -> ElementType.F16;
        case 11 -> ElementType.F64;
        case 16 -> ElementType.BF16;
        default -> null;
      };
    }
  }

  private static String brief(String text) {
    return SafetensorsHeader.brief(text);
  }
}
