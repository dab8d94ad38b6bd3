package io.holdfast.model.io;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The weights of an encoder that PyTorch exported to ONNX. The exporter keeps the Hugging Face name
 * of a tensor that the graph uses as it is. The weight of a linear layer it transposes to [in, out]
 * and stores under a name without meaning; but the product that reads it is a node called {@code
 * /encoder/layer.N/…/MatMul}, which tells the name: {@code encoder.layer.N.….weight}. Read here,
 * such weights are [out, in] again.
 */
public final class OnnxWeights implements TensorSource {

  private static final Pattern LINEAR =
      Pattern.compile("/((?:[^/]+/)*encoder/layer\\.\\d+/[^ ]+)/MatMul");
  private static final Pattern SCORE_DIVISION =
      Pattern.compile("/(?:[^/]+/)*encoder/layer\\.0/attention/self/Div(?:_\\d+)?");
  private static final Pattern EPSILON_SUM =
      Pattern.compile("/(?:[^/]+/)*embeddings/LayerNorm/Add(?:_\\d+)?");

  private record Weight(OnnxGraph.OnnxTensor tensor, boolean transposed) {}

  private final WeightBytes file;
  private final OnnxGraph graph;
  private final Map<String, Weight> weights = new LinkedHashMap<>();
  private final Map<String, int[]> shapes = new LinkedHashMap<>();

  OnnxWeights(WeightBytes file) {
    this.file = file;
    this.graph = new OnnxGraph(file);
    for (OnnxGraph.OnnxTensor tensor : graph.initializers.values()) {
      if (!tensor.name().contains("::")) {
        weights.put(tensor.name(), new Weight(tensor, false));
      }
    }
    graph.nodes.forEach(this::nameLinearWeight);
    weights.forEach((name, weight) -> shapes.put(name, shapeOf(weight)));
  }

  public static OnnxWeights open(Path path) {
    WeightBytes file = WeightBytes.open(path);
    try {
      return new OnnxWeights(file);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private void nameLinearWeight(OnnxGraph.OnnxNode node) {
    if (!node.op().equals("MatMul") || node.inputs().size() != 2) {
      return;
    }
    Matcher path = LINEAR.matcher(node.name());
    OnnxGraph.OnnxTensor tensor = graph.initializers.get(node.inputs().get(1));
    if (!path.matches() || tensor == null || !tensor.name().contains("::")) {
      return;
    }
    String name = path.group(1).replace('/', '.') + ".weight";
    if (tensor.shape().length != 2 || weights.putIfAbsent(name, new Weight(tensor, true)) != null) {
      throw file.bad("'" + SafetensorsHeader.brief(name) + "' is not one matrix");
    }
  }

  private static int[] shapeOf(Weight weight) {
    int[] shape = weight.tensor.shape();
    return weight.transposed ? new int[] {shape[1], shape[0]} : shape;
  }

  /** The square root of the head size, by which layer 0 divides its scores. */
  OptionalDouble scoreDivisor() {
    return constantOf("Div", SCORE_DIVISION);
  }

  /** What the embeddings' LayerNorm adds to the variance. */
  OptionalDouble layerNormEpsilon() {
    return constantOf("Add", EPSILON_SUM);
  }

  /** The scalar that is the second input of the first node of that operation and name. */
  private OptionalDouble constantOf(String op, Pattern name) {
    for (OnnxGraph.OnnxNode node : graph.nodes) {
      if (node.op().equals(op)
          && node.inputs().size() == 2
          && name.matcher(node.name()).matches()) {
        OnnxGraph.OnnxTensor value = scalar(node.inputs().get(1));
        if (value != null) {
          return OptionalDouble.of(file.readReals(value.start(), value.type(), 1)[0]);
        }
      }
    }
    return OptionalDouble.empty();
  }

  private OnnxGraph.OnnxTensor scalar(String name) {
    OnnxGraph.OnnxTensor initializer = graph.initializers.get(name);
    OnnxGraph.OnnxTensor value = initializer == null ? graph.constants.get(name) : initializer;
    return value != null && value.scalar() ? value : null;
  }

  @Override
  public Map<String, int[]> shapes() {
    return Collections.unmodifiableMap(shapes);
  }

  @Override
  public float[] read(String name) {
    Weight weight = weights.get(name);
    if (weight == null) {
      throw file.bad("no tensor '" + name + "'");
    }
    OnnxGraph.OnnxTensor tensor = weight.tensor;
    if (tensor.type() == null || !tensor.type().real()) {
      throw file.bad("tensor '" + name + "' does not hold real numbers");
    }
    float[] stored = file.readReals(tensor.start(), tensor.type(), tensor.shape());
    return weight.transposed ? transpose(stored, tensor.shape()[0], tensor.shape()[1]) : stored;
  }

  private static float[] transpose(float[] x, int rows, int cols) {
    float[] y = new float[x.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        y[c * rows + r] = x[r * cols + c];
      }
    }
    return y;
  }

  @Override
  public void close() {
    file.close();
  }
}
