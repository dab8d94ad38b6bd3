package io.holdfast.engine.data;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Philox;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which examples form which batch. The training order is a pure function of (seed, epoch); no
 * generator has a state, so a resumed run asks for the same epoch again and skips what it has seen.
 * Every example is in exactly one batch of an epoch. O(n log n).
 */
public final class Batches {

  /** Keys of the data order: steps of training have keys from 0 on. */
  private static final long ORDER = -1;

  /** Batches' worth of shuffled examples that are sorted by length together. */
  private static final int WINDOW = 50;

  private final int[] lengths;
  private final Limits limits;

  /**
   * What a batch may hold.
   *
   * @param maxExamples 0 for no limit
   * @param maxTokens sum of real tokens, 0 for no limit
   * @param groupByLength training batches hold examples of similar length
   */
  public record Limits(int maxExamples, int maxTokens, boolean groupByLength) {
    public Limits {
      if (maxExamples < 0 || maxTokens < 0 || maxExamples == 0 && maxTokens == 0) {
        throw new HoldfastException(
            HoldfastException.Kind.USAGE, "a batch needs a limit: examples, tokens, or both");
      }
    }
  }

  /** No batch of this data is larger, in any of the three, whatever the order. */
  public record Bounds(int sequences, int tokens, int maxLength) {}

  /**
   * Throws (kind USAGE) if an example alone is over the token limit.
   *
   * @param lengths tokens of each example
   */
  public Batches(int[] lengths, Limits limits) {
    this.lengths = lengths.clone();
    this.limits = limits;
    int longest = Arrays.stream(lengths).max().orElse(0);
    if (limits.maxTokens() > 0 && longest > limits.maxTokens()) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "--max-tokens "
              + limits.maxTokens()
              + " is below the longest row ("
              + longest
              + " tokens): raise it, or lower --max-seq-length");
    }
  }

  /** The batches of an epoch (from 0), as example indices. */
  public List<int[]> training(long seed, int epoch) {
    Key key = Key.of(seed).at(ORDER).at(epoch);
    int[] order = shuffled(lengths.length, key.at(0));
    if (!limits.groupByLength()) {
      return cut(order);
    }
    int window = window();
    for (int from = 0; from < order.length; from += window) {
      sortByLength(order, from, Math.min(order.length, from + window));
    }
    List<int[]> batches = cut(order);
    List<int[]> mixed = new ArrayList<>(batches.size());
    for (int b : shuffled(batches.size(), key.at(1))) {
      mixed.add(batches.get(b));
    }
    return mixed;
  }

  /**
   * The batches of an epoch, {@code accumulation} of them to an update; the last update may have
   * fewer.
   */
  public List<List<int[]>> updates(long seed, int epoch, int accumulation) {
    List<int[]> batches = training(seed, epoch);
    List<List<int[]>> updates = new ArrayList<>();
    for (int from = 0; from < batches.size(); from += accumulation) {
      int to = Math.min(batches.size(), from + accumulation);
      updates.add(List.copyOf(batches.subList(from, to)));
    }
    return updates;
  }

  /** All examples, longest first: the batches for evaluation. Results belong at their indices. */
  public List<int[]> evaluation() {
    int[] order = identity(lengths.length);
    sortByLength(order, 0, order.length);
    return cut(order);
  }

  /** What memory must be planned for, from the lengths and limits alone. */
  public Bounds bounds() {
    int[] sorted = lengths.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    int most = limits.maxExamples() == 0 ? n : Math.min(n, limits.maxExamples());
    long budget = limits.maxTokens() == 0 ? Long.MAX_VALUE : limits.maxTokens();
    int sequences = 0;
    long shortest = 0;
    while (sequences < most && shortest + sorted[sequences] <= budget) {
      shortest += sorted[sequences++];
    }
    long largest = 0;
    for (int i = 0; i < most; i++) {
      largest += sorted[n - 1 - i];
    }
    int tokens = Math.toIntExact(Math.min(largest, budget));
    return new Bounds(sequences, tokens, n == 0 ? 0 : sorted[n - 1]);
  }

  private List<int[]> cut(int[] order) {
    List<int[]> batches = new ArrayList<>();
    int from = 0;
    long tokens = 0;
    for (int i = 0; i < order.length; i++) {
      int length = lengths[order[i]];
      boolean full = limits.maxExamples() > 0 && i - from == limits.maxExamples();
      if (full || limits.maxTokens() > 0 && tokens + length > limits.maxTokens()) {
        batches.add(Arrays.copyOfRange(order, from, i));
        from = i;
        tokens = 0;
      }
      tokens += length;
    }
    if (from < order.length) {
      batches.add(Arrays.copyOfRange(order, from, order.length));
    }
    return batches;
  }

  /** Examples of about fifty batches. */
  private int window() {
    double mean = Math.max(1, Arrays.stream(lengths).average().orElse(1));
    double byTokens = limits.maxTokens() == 0 ? Double.MAX_VALUE : limits.maxTokens() / mean;
    double byExamples = limits.maxExamples() == 0 ? Double.MAX_VALUE : limits.maxExamples();
    double window = WINDOW * Math.max(1, Math.min(byTokens, byExamples));
    return (int) Math.min(window, Integer.MAX_VALUE / 2);
  }

  /** Longest first; among equals the order stays. */
  private void sortByLength(int[] order, int from, int to) {
    long[] keys = new long[to - from];
    for (int i = from; i < to; i++) {
      keys[i - from] = (long) (Integer.MAX_VALUE - lengths[order[i]]) << 32 | i;
    }
    Arrays.sort(keys);
    int[] before = Arrays.copyOfRange(order, from, to);
    for (int i = from; i < to; i++) {
      order[i] = before[(int) keys[i - from] - from];
    }
  }

  /** A permutation: indices sorted by a random word each. */
  private static int[] shuffled(int n, Key key) {
    long[] keys = new long[n];
    for (int i = 0; i < n; i++) {
      keys[i] = (long) Philox.word(key, i, 0, 0, 0) << 32 | i;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(word -> (int) word).toArray();
  }

  private static int[] identity(int n) {
    return IntStream.range(0, n).toArray();
  }
}
