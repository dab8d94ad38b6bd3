package io.holdfast.kernels;

/**
 * Names a stream of random numbers. Every random number of Holdfast is {@link Philox} of (key,
 * stream, position, column, head): no generator has a state, so packing, accumulation, thread
 * count, recomputation and backend change nothing.
 *
 * <pre>{@code Key.of(seed).at(step).at(Sites.EMBEDDING_DROPOUT)}</pre>
 */
public record Key(long bits) {

  public static Key of(long seed) {
    return new Key(mix(seed));
  }

  /**
   * The key of part {@code index} of what this key names: a step, a site, a branch, a power of an
   * iteration.
   */
  public Key at(long index) {
    return new Key(mix(bits ^ mix(index + GOLDEN)));
  }

  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  /**
   * The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection in which each bit of input
   * reaches each of output.
   */
  private static long mix(long z) {
    z += GOLDEN;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
