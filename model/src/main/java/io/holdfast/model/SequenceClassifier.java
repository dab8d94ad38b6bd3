package io.holdfast.model;

import io.holdfast.kernels.Tensor;

/**
 * Word lookup, encoder and head. The word lookup is a pair of its own and the encoder takes and
 * returns embeddings, so a criterion that perturbs embeddings, or wants the gradient with respect
 * to them, needs no special mode.
 *
 * <pre>
 * e      = embedWords(pass, batch)                         [N,H]
 * a      = forward(pass, batch, e)                         a.logits() [B,C]
 * de     = backward(pass, batch, a, dLogits, gradients)    [N,H]
 *          embedWordsBackward(pass, batch, de, gradients)
 * </pre>
 */
public final class SequenceClassifier {

  public SequenceClassifier(ModelConfig config, Parameters weights) {}

  public ModelConfig config() {
    throw new UnsupportedOperationException();
  }

  public Parameters weights() {
    throw new UnsupportedOperationException();
  }

  /**
   * {@code e[t] = wordTable[tokens[t]]}: the lookup alone, before positions, LayerNorm and dropout.
   */
  public Tensor embedWords(Pass pass, DeviceBatch batch) {
    throw new UnsupportedOperationException();
  }

  /** {@code dWordTable[tokens[t]] += dEmbeddings[t]} over the tokens of {@code batch}. */
  public void embedWordsBackward(
      Pass pass, DeviceBatch batch, Tensor dEmbeddings, Parameters gradients) {
    throw new UnsupportedOperationException();
  }

  /** From word embeddings [N,H] to logits [B,C]. {@code embeddings} is not changed. */
  public Activations forward(Pass pass, DeviceBatch batch, Tensor embeddings) {
    throw new UnsupportedOperationException();
  }

  /**
   * Adds parameter gradients (if the pass wants them) and returns the gradient with respect to the
   * embeddings.
   *
   * @param batch the forward's, or a prefix of it: then only those sequences are differentiated
   * @param dLogits [B,C] of that batch
   */
  public Tensor backward(
      Pass pass, DeviceBatch batch, Activations a, Tensor dLogits, Parameters gradients) {
    throw new UnsupportedOperationException();
  }
}
