package io.holdfast.model.text;

/**
 * A tokenised example, specials included.
 *
 * @param ids token ids
 * @param types token type ids (0 for the first text, 1 for the second where the model has types)
 * @param fullLength tokens before truncation
 */
public record Encoding(int[] ids, int[] types, int fullLength) {

  public boolean truncated() {
    return fullLength > ids.length;
  }
}
