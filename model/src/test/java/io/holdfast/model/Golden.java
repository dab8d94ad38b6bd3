package io.holdfast.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.holdfast.kernels.Kernels;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.ModelConfig.HeadInit;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/**
 * A tiny model and what Hugging Face computes with it, as written by
 * src/test/python/make_goldens.py.
 *
 * @param weights by Hugging Face name
 * @param tensors gradients "ce/NAME" and "r3f/NAME"; "noise/0", "noise/1"
 */
record Golden(
    ModelConfig config,
    Map<String, float[]> weights,
    Map<String, float[]> tensors,
    JsonNode numbers,
    List<PackedBatch> batches) {

  static Golden read(String name) {
    JsonNode numbers = json(name + "/goldens.json");
    ModelConfig config = config(json(name + "/config.json"), numbers.get("head_init").asText());
    List<PackedBatch> batches = new ArrayList<>();
    for (JsonNode batch : numbers.get("batches")) {
      batches.add(batch(batch, config.regression()));
    }
    return new Golden(
        config,
        safetensors(name + "/model.safetensors"),
        safetensors(name + "/goldens.safetensors"),
        numbers,
        batches);
  }

  void loadInto(Kernels kernels, Parameters parameters) {
    if (weights.size() != parameters.layout().entries().size()) {
      throw new IllegalStateException("golden weights have other names: " + weights.keySet());
    }
    for (ParameterLayout.Entry entry : parameters.layout().entries()) {
      float[] values = weights.get(entry.name());
      if (values == null || values.length != entry.elements()) {
        throw new IllegalStateException("golden weights lack " + entry.name());
      }
      kernels.upload(parameters.get(entry), values, 0);
    }
  }

  private static ModelConfig config(JsonNode c, String headInit) {
    boolean bert = c.get("model_type").asText().equals("bert");
    JsonNode headDropout = c.get("classifier_dropout");
    float dropout = (float) c.get("hidden_dropout_prob").asDouble();
    List<String> labels = new ArrayList<>();
    c.get("id2label").forEach(label -> labels.add(label.asText()));
    return new ModelConfig(
        bert ? Architecture.BERT : Architecture.ROBERTA,
        c.get("vocab_size").asInt(),
        c.get("hidden_size").asInt(),
        c.get("num_hidden_layers").asInt(),
        c.get("num_attention_heads").asInt(),
        c.get("intermediate_size").asInt(),
        c.get("max_position_embeddings").asInt(),
        c.get("type_vocab_size").asInt(),
        (float) c.get("layer_norm_eps").asDouble(),
        dropout,
        (float) c.get("attention_probs_dropout_prob").asDouble(),
        headDropout.isNull() ? dropout : (float) headDropout.asDouble(),
        (float) c.get("initializer_range").asDouble(),
        c.get("pad_token_id").asInt(),
        headInit.equals("fairseq") ? HeadInit.FAIRSEQ : HeadInit.HUGGING_FACE,
        c.get("problem_type").asText().equals("regression"),
        labels);
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
        ? elements(nested).stream()
            .flatMapToDouble(x -> java.util.Arrays.stream(numbers(x)))
            .toArray()
        : new double[] {nested.asDouble()};
  }

  private static List<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).toList();
  }

  private static JsonNode json(String name) {
    try {
      return new ObjectMapper().readTree(bytes(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of a file that holds fp32 alone. */
  private static Map<String, float[]> safetensors(String name) {
    ByteBuffer file = ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN);
    byte[] header = new byte[(int) file.getLong()];
    file.get(header);
    Map<String, float[]> tensors = new HashMap<>();
    try {
      for (Map.Entry<String, JsonNode> e : new ObjectMapper().readTree(header).properties()) {
        if (!e.getKey().equals("__metadata__")) {
          int[] range = ints(e.getValue().get("data_offsets"));
          float[] values = new float[(range[1] - range[0]) / Float.BYTES];
          file.slice(8 + header.length + range[0], range[1] - range[0])
              .order(ByteOrder.LITTLE_ENDIAN)
              .asFloatBuffer()
              .get(values);
          tensors.put(e.getKey(), values);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return tensors;
  }

  private static byte[] bytes(String name) {
    try (InputStream in = Golden.class.getResourceAsStream("/goldens/" + name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
