package io.holdfast.bench;

import io.holdfast.model.ModelConfig;
import java.util.List;

/** The encoders that are measured, BERT's wiring and vocabulary, random weights. */
public enum Shape {
  /** all-MiniLM-L6-v2. */
  MINILM(6, 384, 1536),
  /** bert-base-uncased. */
  BERT_BASE(12, 768, 3072),
  /** Small enough for a test of the benchmarks themselves. */
  TINY(2, 48, 96);

  private static final int HEADS = 12;
  private static final int VOCABULARY = 30522;
  private static final int POSITIONS = 512;
  private static final float DROPOUT = 0.1f;

  private final int layers;
  private final int hidden;
  private final int intermediate;

  Shape(int layers, int hidden, int intermediate) {
    this.layers = layers;
    this.hidden = hidden;
    this.intermediate = intermediate;
  }

  /** A two-class classifier of this shape with BERT's dropout everywhere. */
  public ModelConfig config() {
    return new ModelConfig(
        ModelConfig.Architecture.BERT,
        VOCABULARY,
        hidden,
        layers,
        HEADS,
        intermediate,
        POSITIONS,
        2,
        1e-12f,
        DROPOUT,
        DROPOUT,
        DROPOUT,
        0.02f,
        0,
        ModelConfig.HeadInit.HUGGINGFACE,
        false,
        List.of("0", "1"));
  }
}
