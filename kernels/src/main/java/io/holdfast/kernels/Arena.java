package io.holdfast.kernels;

/**
 * Bump allocation over one slab. Scopes close last-in first-out and give back what was taken since
 * they opened; nothing is freed one by one. The high-water mark of a run on the null backend is the
 * size to allocate for a real one.
 */
public final class Arena implements AutoCloseable {

  /** Every tensor begins at a multiple of this many bytes. */
  public static final int ALIGNMENT = 64;

  private final Slab slab;
  private long top;
  private long highWater;
  private int depth;

  public Arena(Kernels kernels, long bytes) {
    this.slab = kernels.allocate(bytes);
  }

  /** An uninitialised tensor, aligned to 64 bytes, alive until the innermost open scope closes. */
  public Tensor take(DType dtype, int rows, int cols) {
    long end = top + round((long) rows * cols * dtype.bytes());
    if (end > slab.bytes()) {
      throw new HoldfastException(
          HoldfastException.Kind.OUT_OF_MEMORY,
          String.format(
              "arena of %s bytes is full: %s in use, [%s, %s] %s asked for",
              slab.bytes(), top, rows, cols, dtype));
    }
    Tensor tensor = new Tensor(slab, top, rows, cols, dtype);
    top = end;
    highWater = Math.max(highWater, top);
    return tensor;
  }

  public Scope open() {
    return new Scope();
  }

  public long used() {
    return top;
  }

  public long highWater() {
    return highWater;
  }

  public long capacity() {
    return slab.bytes();
  }

  @Override
  public void close() {
    slab.close();
  }

  private static long round(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Gives back everything taken since it was opened. */
  public final class Scope implements AutoCloseable {
    private final long base = top;
    private final int level = ++depth;

    @Override
    public void close() {
      if (level != depth) {
        throw new IllegalStateException(
            "arena scopes close last-in first-out: " + level + " closed at " + depth);
      }
      depth--;
      top = base;
    }
  }
}
