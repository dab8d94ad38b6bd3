package io.holdfast.bench;

import io.holdfast.model.MemoryPlan;
import io.holdfast.model.PackedBatch;
import java.util.Arrays;
import java.util.Random;

/**
 * A batch of random tokens with given sequence lengths. Every engine measured gets the same one.
 *
 * @param lengths tokens of each sequence, specials included
 */
public record Workload(String name, int[] lengths) {

  private static final int FIRST_WORD = 1000;
  private static final int WORDS = 29000;

  /** "8x128", "32x64", or "rte32": the lengths of the first 32 rows of RTE's training set. */
  public static Workload of(String name) {
    if (name.startsWith("rte")) {
      int batch = Integer.parseInt(name.substring(3));
      return new Workload(name, Arrays.copyOf(RteLengths.TRAIN, batch));
    }
    String[] sizes = name.split("x");
    int[] lengths = new int[Integer.parseInt(sizes[0])];
    Arrays.fill(lengths, Integer.parseInt(sizes[1]));
    return new Workload(name, lengths);
  }

  public int longest() {
    return Arrays.stream(lengths).max().orElse(0);
  }

  public int tokens() {
    return Arrays.stream(lengths).sum();
  }

  /** Every sequence made as long as the longest, by tokens that count as text. */
  public Workload padded() {
    int[] all = new int[lengths.length];
    Arrays.fill(all, longest());
    return new Workload(name + " padded", all);
  }

  /** The memory that the batch needs. */
  public MemoryPlan.Largest bounds() {
    return new MemoryPlan.Largest(tokens(), lengths.length, longest());
  }

  /** Random words, alternating labels. */
  public PackedBatch batch(long seed) {
    Random random = new Random(seed);
    int[] starts = new int[lengths.length + 1];
    int[] streams = new int[lengths.length];
    int[] labels = new int[lengths.length];
    for (int b = 0; b < lengths.length; b++) {
      starts[b + 1] = starts[b] + lengths[b];
      streams[b] = b;
      labels[b] = b % 2;
    }
    int[] tokens = random.ints(tokens(), FIRST_WORD, FIRST_WORD + WORDS).toArray();
    return new PackedBatch(tokens, new int[tokens.length], starts, streams, labels, null);
  }
}
