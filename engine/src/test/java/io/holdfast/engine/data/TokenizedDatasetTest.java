package io.holdfast.engine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.holdfast.model.PackedBatch;
import io.holdfast.model.text.Encoding;
import io.holdfast.model.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class TokenizedDatasetTest {

  /** Words to their lengths, between 1 and 2; keeps the first tokens of what is too long. */
  private static final class WordLengths implements Tokenizer {
    @Override
    public Encoding encode(String first, String second, int maxTokens) {
      List<Integer> ids = new ArrayList<>(List.of(1));
      Arrays.stream(first.split(" ")).forEach(w -> ids.add(10 + w.length()));
      ids.add(2);
      int firstTokens = ids.size();
      if (second != null) {
        Arrays.stream(second.split(" ")).forEach(w -> ids.add(10 + w.length()));
        ids.add(2);
      }
      int n = Math.min(maxTokens, ids.size());
      int[] types = new int[n];
      for (int i = firstTokens; i < n; i++) {
        types[i] = 1;
      }
      return new Encoding(ids.subList(0, n).stream().mapToInt(i -> i).toArray(), types, ids.size());
    }

    @Override
    public String json() {
      return "{}";
    }

    @Override
    public int modelMaxLength() {
      return Integer.MAX_VALUE;
    }

    @Override
    public void save(Path folder, int modelMaxLength) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
  }

  private static Dataset data(String task, Example... examples) {
    return new Dataset(Tasks.named(task), null, null, true, List.of(examples), List.of());
  }

  @Test
  void packsAnyExamplesInAnyOrder() {
    TokenizedDataset d =
        TokenizedDataset.of(
            data(
                "rte",
                new Example("a bb", "ccc", 1, Float.NaN),
                new Example("dddd", "e", 0, Float.NaN),
                new Example("ff", "gg hhh", 1, Float.NaN)),
            new WordLengths(),
            64);
    assertArrayEquals(new int[] {6, 5, 6}, d.lengths());
    assertEquals(17, d.tokenCount());
    PackedBatch batch = d.pack(new int[] {2, 0});
    assertArrayEquals(new int[] {1, 12, 2, 12, 13, 2, 1, 11, 12, 2, 13, 2}, batch.tokens());
    assertArrayEquals(new int[] {0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1}, batch.types());
    assertArrayEquals(new int[] {0, 6, 12}, batch.starts());
    assertArrayEquals(new int[] {2, 0}, batch.streams());
    assertArrayEquals(new int[] {1, 1}, batch.labels());
    assertNull(batch.targets());
    assertArrayEquals(new int[] {0}, d.pack(new int[] {1}).labels());
  }

  @Test
  void regressionHasTargetsAndUnlabelledDataHasNeither() {
    Dataset scores = data("stsb", new Example("a", "b", -1, 2.5f), new Example("a", "b", -1, 4f));
    PackedBatch batch = TokenizedDataset.of(scores, new WordLengths(), 64).pack(new int[] {1, 0});
    assertArrayEquals(new float[] {4f, 2.5f}, batch.targets());
    assertNull(batch.labels());
    Dataset texts = Dataset.ofTexts(Tasks.named("cola"), List.of("a b"), null);
    batch = TokenizedDataset.of(texts, new WordLengths(), 64).pack(new int[] {0});
    assertArrayEquals(new int[] {1, 11, 11, 2}, batch.tokens());
    assertNull(batch.labels());
    assertNull(batch.targets());
  }

  @Test
  void longRowsAreCutAndCounted() {
    List<String> texts = new ArrayList<>();
    for (int words : new int[] {510, 511, 512, 10_000, 3}) {
      texts.add(String.join(" ", Collections.nCopies(words, "w")));
    }
    Dataset d = Dataset.ofTexts(Tasks.named("cola"), texts, null);
    TokenizedDataset t = TokenizedDataset.of(d, new WordLengths(), 512);
    assertArrayEquals(new int[] {512, 512, 512, 512, 5}, t.lengths());
    assertEquals(3, t.truncated());
    assertEquals(10_002, t.longestBeforeTruncation());
  }

  @Test
  void moreRowsThanTheTokenizerGetsAtOnceKeepTheirOrder() {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < 3000; i++) {
      texts.add("x".repeat(1 + i % 50));
    }
    Dataset d = Dataset.ofTexts(Tasks.named("cola"), texts, null);
    TokenizedDataset t = TokenizedDataset.of(d, new WordLengths(), 512);
    PackedBatch batch = t.pack(new int[] {2999, 1024, 1023});
    assertArrayEquals(
        new int[] {1, 11 + 2999 % 50, 2, 1, 11 + 1024 % 50, 2, 1, 11 + 1023 % 50, 2},
        batch.tokens());
  }
}
