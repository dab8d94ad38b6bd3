package io.holdfast.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The one enumeration of a model's tensors, under their Hugging Face names, in the order they lie
 * in memory. Weights, gradients and moments are blocks of this layout; loading, clipping, the
 * optimiser and checkpoints are loops over it.
 */
public final class ParameterLayout {

  /**
   * One tensor of a block.
   *
   * @param rows 1 for a vector
   * @param vector true where files store one dimension (biases, LayerNorm)
   * @param depth 0 for embeddings, 1 … L for encoder layers, L + 1 for pooler and head
   * @param start first element within the block
   */
  public record Entry(String name, int rows, int cols, boolean vector, int depth, long start) {
    public long elements() {
      return (long) rows * cols;
    }

    public boolean isHead(int layers) {
      return depth == layers + 1;
    }
  }

  /** Most elements of a block. */
  public static final int MAX_ELEMENTS = Integer.MAX_VALUE;

  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private long elements;

  private ParameterLayout() {}

  public static ParameterLayout of(ModelConfig c) {
    ParameterLayout layout = new ParameterLayout();
    boolean bert = c.architecture() == ModelConfig.Architecture.BERT;
    String prefix = prefix(c);
    int h = c.hiddenSize();
    int head = c.layers() + 1;
    String embeddings = prefix + "embeddings.";
    layout.matrix(embeddings + "word_embeddings.weight", c.vocabSize(), h, 0);
    layout.matrix(embeddings + "position_embeddings.weight", c.maxPositions(), h, 0);
    layout.matrix(embeddings + "token_type_embeddings.weight", c.typeVocabSize(), h, 0);
    layout.layerNorm(embeddings + "LayerNorm", h, 0);
    for (int i = 0; i < c.layers(); i++) {
      layout.encoderLayer(prefix + "encoder.layer." + i + ".", h, c.intermediateSize(), i + 1);
    }
    if (bert) {
      layout.linear("bert.pooler.dense", h, h, head);
      layout.linear("classifier", c.outputs(), h, head);
    } else {
      layout.linear("classifier.dense", h, h, head);
      layout.linear("classifier.out_proj", c.outputs(), h, head);
    }
    return layout;
  }

  /**
   * A layout of other tensors than a model's, of depth 0.
   *
   * @param shapes by name: one dimension, or rows and columns
   */
  public static ParameterLayout of(Map<String, int[]> shapes) {
    ParameterLayout layout = new ParameterLayout();
    shapes.forEach(
        (name, shape) -> {
          if (shape.length == 1) {
            layout.vector(name, shape[0], 0);
          } else {
            layout.matrix(name, shape[0], shape[1], 0);
          }
        });
    return layout;
  }

  /** What the names of the encoder's tensors begin with. */
  static String prefix(ModelConfig c) {
    return c.architecture() == ModelConfig.Architecture.BERT ? "bert." : "roberta.";
  }

  private void encoderLayer(String p, int h, int f, int depth) {
    // Query, key and value lie side by side, so that one product computes all three.
    for (String part : List.of("query", "key", "value")) {
      matrix(p + "attention.self." + part + ".weight", h, h, depth);
    }
    for (String part : List.of("query", "key", "value")) {
      vector(p + "attention.self." + part + ".bias", h, depth);
    }
    linear(p + "attention.output.dense", h, h, depth);
    layerNorm(p + "attention.output.LayerNorm", h, depth);
    linear(p + "intermediate.dense", f, h, depth);
    linear(p + "output.dense", h, f, depth);
    layerNorm(p + "output.LayerNorm", h, depth);
  }

  private void linear(String name, int out, int in, int depth) {
    matrix(name + ".weight", out, in, depth);
    vector(name + ".bias", out, depth);
  }

  private void layerNorm(String name, int h, int depth) {
    vector(name + ".weight", h, depth);
    vector(name + ".bias", h, depth);
  }

  private void matrix(String name, int rows, int cols, int depth) {
    add(new Entry(name, rows, cols, false, depth, elements));
  }

  private void vector(String name, int cols, int depth) {
    add(new Entry(name, 1, cols, true, depth, elements));
  }

  private void add(Entry entry) {
    entries.put(entry.name(), entry);
    elements += entry.elements();
  }

  public List<Entry> entries() {
    return List.copyOf(entries.values());
  }

  /** The entry of that name; an unknown name is a defect of the caller. */
  public Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw new IllegalArgumentException("no parameter " + name);
    }
    return entry;
  }

  /** Neighbouring elements of a block. */
  record Range(long start, long end) {}

  /** What lies between the embeddings and the head. */
  Range encoder() {
    int head = entries.values().stream().mapToInt(Entry::depth).max().orElse(0);
    long start = elements;
    long end = 0;
    for (Entry entry : entries.values()) {
      if (entry.depth() > 0 && entry.depth() < head) {
        start = Math.min(start, entry.start());
        end = Math.max(end, entry.start() + entry.elements());
      }
    }
    return new Range(Math.min(start, end), end);
  }

  /** Elements of a whole block. */
  public long elements() {
    return elements;
  }
}
