package io.holdfast.model;

/**
 * What of a model is not trained, from the bottom up.
 *
 * @param embeddings words, positions, types and their LayerNorm
 * @param layers encoder layers, counted from the lowest
 */
public record Frozen(boolean embeddings, int layers) {

  public static final Frozen NONE = new Frozen(false, 0);

  public boolean covers(ParameterLayout.Entry entry) {
    return entry.depth() == 0 ? embeddings : entry.depth() <= layers;
  }
}
