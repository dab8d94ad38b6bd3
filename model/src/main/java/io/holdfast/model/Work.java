package io.holdfast.model;

/**
 * Tokens that went through a {@link SequenceClassifier}, counted where it happens, so that what an
 * objective costs is measured and not claimed.
 *
 * @param forward tokens of forwards
 * @param backward tokens of backwards with weight gradients
 * @param inputBackward tokens of backwards of the input alone
 */
public record Work(long forward, long backward, long inputBackward) {

  public static final Work NONE = new Work(0, 0, 0);

  public Work plus(Work other) {
    return new Work(
        forward + other.forward, backward + other.backward, inputBackward + other.inputBackward);
  }

  public Work minus(Work earlier) {
    return new Work(
        forward - earlier.forward,
        backward - earlier.backward,
        inputBackward - earlier.inputBackward);
  }

  /** Forward passes over {@code tokens}. */
  public double forwardPasses(long tokens) {
    return (double) forward / tokens;
  }

  /**
   * Backward passes over {@code tokens}. Each linear layer's backward is two products, for its
   * input and for its weights; a pass without the second counts as half of one.
   */
  public double backwardPasses(long tokens) {
    return (backward + 0.5 * inputBackward) / tokens;
  }
}
