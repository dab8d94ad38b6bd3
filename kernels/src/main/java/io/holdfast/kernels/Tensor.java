package io.holdfast.kernels;

/**
 * A typed, contiguous, row-major view of a slab: {@code rows × cols} elements from byte {@code
 * offset}. It has no operations and owns nothing; see {@link Kernels} for the first and {@link
 * Arena} for the second.
 */
public record Tensor(Slab slab, long offset, int rows, int cols, DType dtype) {

  public Tensor {
    if (rows < 0 || cols < 0 || offset < 0) {
      throw new IllegalArgumentException("tensor of " + rows + " × " + cols + " at " + offset);
    }
    if (offset + (long) rows * cols * dtype.bytes() > slab.bytes()) {
      throw new IllegalArgumentException(
          String.format(
              "tensor of %s × %s at %s leaves its slab of %s bytes",
              rows, cols, offset, slab.bytes()));
    }
  }

  public long elements() {
    return (long) rows * cols;
  }

  public long bytes() {
    return elements() * dtype.bytes();
  }

  public long address() {
    return slab.address() + offset;
  }

  /** Rows {@code from} (inclusive) to {@code to} (exclusive) of this view. */
  public Tensor rows(int from, int to) {
    if (from < 0 || to < from || to > rows) {
      throw new IndexOutOfBoundsException("rows " + from + " to " + to + " of " + rows);
    }
    return new Tensor(slab, offset + (long) from * cols * dtype.bytes(), to - from, cols, dtype);
  }

  /** The same elements under another shape. */
  public Tensor reshape(int newRows, int newCols) {
    if ((long) newRows * newCols != elements()) {
      throw new IllegalArgumentException(shape() + " as " + newRows + " × " + newCols);
    }
    return new Tensor(slab, offset, newRows, newCols, dtype);
  }

  public String shape() {
    return "[" + rows + ", " + cols + "]";
  }
}
