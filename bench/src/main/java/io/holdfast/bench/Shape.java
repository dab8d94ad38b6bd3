package io.holdfast.bench;

import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import java.util.List;

/** The encoders that are measured, with random weights. */
public enum Shape {
  /** all-MiniLM-L6-v2. */
  MINILM(Architecture.BERT, 6, 12, 384),
  /** bert-base-uncased. */
  BERT_BASE(Architecture.BERT, 12, 12, 768),
  /** roberta-base. */
  ROBERTA_BASE(Architecture.ROBERTA, 12, 12, 768),
  /** roberta-large. */
  ROBERTA_LARGE(Architecture.ROBERTA, 24, 16, 1024),
  /** Small enough for a test of the benchmarks themselves. */
  TINY(Architecture.BERT, 2, 12, 48);

  private static final float DROPOUT = 0.1f;

  private final Architecture architecture;
  private final int layers;
  private final int heads;
  private final int hidden;

  Shape(Architecture architecture, int layers, int heads, int hidden) {
    this.architecture = architecture;
    this.layers = layers;
    this.heads = heads;
    this.hidden = hidden;
  }

  /** FLOP of the products of a forward over a token of a sequence of {@code length}. */
  double flops(double length) {
    double h = hidden;
    return layers * (2 * (4 * h * h + 2 * h * config().intermediateSize()) + 4 * h * length);
  }

  /** A two-class classifier of this shape with a dropout of 0.1 everywhere. */
  public ModelConfig config() {
    boolean bert = architecture == Architecture.BERT;
    return new ModelConfig(
        architecture,
        bert ? 30522 : 50265,
        hidden,
        layers,
        heads,
        this == TINY ? 2 * hidden : 4 * hidden,
        bert ? 512 : 514,
        bert ? 2 : 1,
        bert ? 1e-12f : 1e-5f,
        DROPOUT,
        DROPOUT,
        DROPOUT,
        0.02f,
        bert ? 0 : 1,
        ModelConfig.HeadInit.HUGGINGFACE,
        false,
        List.of("0", "1"));
  }
}
