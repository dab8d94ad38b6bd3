package io.holdfast.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.holdfast.kernels.Kernels;
import io.holdfast.model.io.ConfigJson;
import io.holdfast.model.io.LoadReport;
import io.holdfast.model.io.ModelFolder;
import io.holdfast.model.io.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/**
 * A tiny model and what Hugging Face computes with it, as written by
 * src/test/python/make_goldens.py.
 *
 * @param folder holds the model as Hugging Face saved it
 * @param tensors gradients "ce/NAME" and "r3f/NAME"; "noise/0", "noise/1"
 */
public record Golden(
    Path folder,
    ModelConfig config,
    Map<String, float[]> tensors,
    JsonNode numbers,
    List<PackedBatch> batches) {

  /** As seen from any module. */
  private static final Path FOLDER = Path.of("../model/src/test/resources/goldens");

  public static Golden read(String name) {
    try {
      Path folder = FOLDER.resolve(name);
      ModelConfig config = ConfigJson.read(folder.resolve(ConfigJson.FILE)).config();
      JsonNode numbers = new ObjectMapper().readTree(folder.resolve("goldens.json").toFile());
      List<PackedBatch> batches = new ArrayList<>();
      for (JsonNode batch : numbers.get("batches")) {
        batches.add(batch(batch, config.regression()));
      }
      Map<String, float[]> tensors = new HashMap<>();
      try (Safetensors file = Safetensors.open(folder.resolve("goldens.safetensors"))) {
        file.shapes().keySet().forEach(tensor -> tensors.put(tensor, file.read(tensor)));
      }
      return new Golden(folder, config, tensors, numbers, batches);
    } catch (IOException e) {
      throw new IllegalStateException("golden " + name, e);
    }
  }

  /** Fills all weights; the model has these tensors and no others. */
  public void loadInto(Kernels kernels, Parameters weights) {
    try (ModelFolder model = ModelFolder.open(folder)) {
      LoadReport report = model.loadInto(weights, kernels);
      if (!report.absent().isEmpty() || !report.ignored().isEmpty()) {
        throw new IllegalStateException(folder + " has other tensors: " + report);
      }
    }
  }

  private static PackedBatch batch(JsonNode batch, boolean regression) {
    int[] lengths = elements(batch.get("ids")).stream().mapToInt(JsonNode::size).toArray();
    int[] starts = new int[lengths.length + 1];
    for (int b = 0; b < lengths.length; b++) {
      starts[b + 1] = starts[b] + lengths[b];
    }
    double[] labels = numbers(batch.get("labels"));
    float[] targets = new float[labels.length];
    for (int b = 0; b < labels.length; b++) {
      targets[b] = (float) labels[b];
    }
    return new PackedBatch(
        ints(batch.get("ids")),
        ints(batch.get("types")),
        starts,
        IntStream.range(0, lengths.length).toArray(),
        regression ? null : ints(batch.get("labels")),
        regression ? targets : null);
  }

  private static int[] ints(JsonNode nested) {
    double[] all = numbers(nested);
    return IntStream.range(0, all.length).map(i -> (int) all[i]).toArray();
  }

  /** All numbers of a nested array, in order. */
  static double[] numbers(JsonNode nested) {
    return nested.isArray()
        ? elements(nested).stream().flatMapToDouble(x -> Arrays.stream(numbers(x))).toArray()
        : new double[] {nested.asDouble()};
  }

  private static List<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).toList();
  }
}
