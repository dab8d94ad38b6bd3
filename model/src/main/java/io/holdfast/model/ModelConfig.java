package io.holdfast.model;

import java.util.List;

/**
 * Shape and constants of an encoder with a sentence head, as read from config.json (Hugging Face
 * keys).
 *
 * @param vocabSize V
 * @param hiddenSize H
 * @param layers L
 * @param heads A
 * @param intermediateSize F
 * @param maxPositions rows of the position table (RoBERTa: two more than the longest input)
 * @param typeVocabSize rows of the token type table
 * @param classifierDropout dropout in the head
 * @param labels names by class id; one name for regression
 */
public record ModelConfig(
    Architecture architecture,
    int vocabSize,
    int hiddenSize,
    int layers,
    int heads,
    int intermediateSize,
    int maxPositions,
    int typeVocabSize,
    float layerNormEps,
    float hiddenDropout,
    float attentionDropout,
    float classifierDropout,
    float initializerRange,
    int padTokenId,
    HeadInit headInit,
    boolean regression,
    List<String> labels) {

  /**
   * The two families. They differ in names, position ids and the head's wiring, not in the encoder.
   */
  public enum Architecture {
    BERT,
    ROBERTA
  }

  /** How a fresh head is drawn. */
  public enum HeadInit {
    /** Hugging Face: N(0, initializer_range²), bias 0. */
    HUGGINGFACE,
    /**
     * fairseq: PyTorch's Linear default, weight and bias U(−1/√in, 1/√in); its head has no dropout.
     */
    FAIRSEQ
  }

  public ModelConfig {
    labels = List.copyOf(labels);
  }

  /** C: width of the logits. */
  public int outputs() {
    return labels.size();
  }

  public int headSize() {
    return hiddenSize / heads;
  }

  /** Position id of a sequence's first token: 0 for BERT, padding id + 1 for RoBERTa. */
  public int firstPosition() {
    return architecture == Architecture.ROBERTA ? padTokenId + 1 : 0;
  }

  /** Longest input in tokens, specials included. */
  public int maxTokens() {
    return maxPositions - firstPosition();
  }
}
