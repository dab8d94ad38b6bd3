package io.holdfast.model.text;

import java.util.Arrays;

/**
 * What a tokenizer puts before, between and after texts: {@code [CLS] A [SEP] B [SEP]} for BERT,
 * {@code <s> A </s></s> B </s>} for RoBERTa. Read off the library's own encoding of a probe, so
 * that every kind of post-processing is understood.
 *
 * @param ids by gap: before the first text, after it, after the second
 * @param types token types of the same
 * @param textTypes token type of the first and of the second text
 */
record SpecialTokens(int[][] ids, int[][] types, int[] textTypes) {

  private static final String PROBE = "a";

  /** Specials around {@code texts} texts, 1 or 2. */
  static SpecialTokens of(NativeVocabulary vocabulary, int texts, String place) {
    int[][] probe = vocabulary.withSpecials(PROBE, texts == 2 ? PROBE : null);
    int[] sequence = probe[2];
    int[] starts = new int[texts];
    int[] ends = new int[texts];
    for (int text = 0; text < texts; text++) {
      int start = 0;
      while (start < sequence.length && sequence[start] != text) {
        start++;
      }
      int end = start;
      while (end < sequence.length && sequence[end] == text) {
        end++;
      }
      starts[text] = start;
      ends[text] = end;
      if (start == end || (text == 1 && start < ends[0])) {
        throw TokenizerJson.bad(place, "its post-processor does not keep the texts in order");
      }
    }
    int[][] ids = new int[texts + 1][];
    int[][] types = new int[texts + 1][];
    int[] textTypes = new int[texts];
    for (int gap = 0; gap <= texts; gap++) {
      int from = gap == 0 ? 0 : ends[gap - 1];
      int to = gap == texts ? sequence.length : starts[gap];
      ids[gap] = Arrays.copyOfRange(probe[0], from, to);
      types[gap] = Arrays.copyOfRange(probe[1], from, to);
      if (gap < texts) {
        textTypes[gap] = probe[1][starts[gap]];
      }
    }
    return new SpecialTokens(ids, types, textTypes);
  }

  int count() {
    return Arrays.stream(ids).mapToInt(gap -> gap.length).sum();
  }
}
