package io.holdfast.model;

import io.holdfast.kernels.Tensor;
import java.util.List;

/**
 * What a forward of {@link SequenceClassifier} leaves for its backward. It lives in the pass's
 * arena until the scope that the caller opened closes; a backward does not change it.
 */
public final class Activations {

  private final Tensor logits;
  private final Tensor hidden;
  final Embeddings.Saved embeddings;
  final List<EncoderLayer.Saved> layers;
  final Head.Saved head;

  Activations(
      Tensor logits,
      Tensor hidden,
      Embeddings.Saved embeddings,
      List<EncoderLayer.Saved> layers,
      Head.Saved head) {
    this.logits = logits;
    this.hidden = hidden;
    this.embeddings = embeddings;
    this.layers = List.copyOf(layers);
    this.head = head;
  }

  /** [B,C]. */
  public Tensor logits() {
    return logits;
  }

  /** [N,H], the output of the last encoder layer. */
  public Tensor hidden() {
    return hidden;
  }
}
