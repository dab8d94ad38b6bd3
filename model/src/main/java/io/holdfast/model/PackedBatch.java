package io.holdfast.model;

/**
 * Examples laid end to end on the host, without padding: N tokens of B sequences.
 *
 * @param tokens [N] token ids
 * @param types [N] token type ids
 * @param starts [B + 1] sequence b holds tokens starts[b] to starts[b + 1]
 * @param streams [B] the random stream of each sequence: its example's index in the data set, so
 *     that what an example draws does not depend on the batch it is in
 * @param labels [B] class ids, or null for regression
 * @param targets [B] values, or null for classification
 */
public record PackedBatch(
    int[] tokens, int[] types, int[] starts, int[] streams, int[] labels, float[] targets) {

  /** Largest number of copies {@link #repeat} can tell apart; example indices stay below 2^29. */
  private static final int MAX_COPIES = 4;

  private static final int COPY_SHIFT = 29;

  public int tokenCount() {
    return tokens.length;
  }

  public int sequences() {
    return starts.length - 1;
  }

  public int maxLength() {
    int longest = 0;
    for (int b = 0; b < sequences(); b++) {
      longest = Math.max(longest, starts[b + 1] - starts[b]);
    }
    return longest;
  }

  /**
   * The batch {@code copies} times, one after the other, so that several branches are one forward
   * and one backward.
   *
   * @param sharedMasks true: every copy draws the same dropout masks; false: each copy draws its
   *     own (the first draws those of the batch itself)
   */
  public PackedBatch repeat(int copies, boolean sharedMasks) {
    if (copies < 1 || copies > MAX_COPIES) {
      throw new IllegalArgumentException(copies + " copies");
    }
    int n = tokenCount();
    int b = sequences();
    int[] newTokens = new int[copies * n];
    int[] newTypes = new int[copies * n];
    int[] newStarts = new int[copies * b + 1];
    int[] newStreams = new int[copies * b];
    int[] newLabels = labels == null ? null : new int[copies * b];
    float[] newTargets = targets == null ? null : new float[copies * b];
    for (int c = 0; c < copies; c++) {
      System.arraycopy(tokens, 0, newTokens, c * n, n);
      System.arraycopy(types, 0, newTypes, c * n, n);
      for (int i = 0; i < b; i++) {
        newStarts[c * b + i + 1] = c * n + starts[i + 1];
        newStreams[c * b + i] = sharedMasks ? streams[i] : streams[i] ^ (c << COPY_SHIFT);
      }
      if (labels != null) {
        System.arraycopy(labels, 0, newLabels, c * b, b);
      }
      if (targets != null) {
        System.arraycopy(targets, 0, newTargets, c * b, b);
      }
    }
    return new PackedBatch(newTokens, newTypes, newStarts, newStreams, newLabels, newTargets);
  }
}
