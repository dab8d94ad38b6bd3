package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.none.NullKernels;

/**
 * One block of a {@link ParameterLayout}: the weights, or their gradients, or a moment of the
 * optimiser.
 */
public final class Parameters {

  private final ParameterLayout layout;
  private final Tensor block;

  /** Of the layout: where the block begins. */
  private final long first;

  /** See {@link #factors}. */
  private final Parameters factors;

  private boolean rounded;

  /** Throws kind MODEL_FILE where the layout is larger than a block can be. */
  public Parameters(ParameterLayout layout, Arena arena, DType dtype) {
    this(layout, arena, dtype, dtype);
  }

  /**
   * Weights, with room for {@link #factors}.
   *
   * @param hidden type of the hidden states they are multiplied with
   */
  private Parameters(ParameterLayout layout, Arena arena, DType dtype, DType hidden) {
    if (layout.elements() > ParameterLayout.MAX_ELEMENTS) {
      throw new HoldfastException(
          HoldfastException.Kind.MODEL_FILE,
          "a model of " + layout.elements() + " parameters is too large");
    }
    this.layout = layout;
    this.first = 0;
    this.block = arena.take(dtype, 1, (int) layout.elements());
    this.factors = hidden == dtype ? this : new Parameters(layout, arena, hidden, layout.encoder());
    this.rounded = hidden == dtype;
  }

  private Parameters(
      ParameterLayout layout, Arena arena, DType dtype, ParameterLayout.Range range) {
    this.layout = layout;
    this.first = range.start();
    this.block = arena.take(dtype, 1, (int) (range.end() - range.start()));
    this.factors = this;
    this.rounded = true;
  }

  /** The weights of a model on {@code kernels}. */
  public static Parameters weights(ParameterLayout layout, Arena arena, Kernels kernels) {
    return new Parameters(layout, arena, kernels.real(), kernels.hidden());
  }

  /** Bytes of an arena that holds no more than these. */
  public static long weightBytes(ParameterLayout layout, Kernels kernels) {
    try (Kernels none = new NullKernels(kernels).kernels();
        Arena arena = new Arena(none, MemoryPlan.UNBOUNDED)) {
      weights(layout, arena, none);
      return arena.used();
    }
  }

  /**
   * The weights of the encoder's layers as products with hidden states read them: these, or a copy
   * of the type that hidden states have.
   */
  Parameters factors() {
    return factors;
  }

  /** Brings that copy up to date, where there is one: due when the weights have changed. */
  void round(Kernels kernels) {
    if (factors != this) {
      long bytes = factors.first * block.dtype().bytes();
      int count = factors.block.cols();
      kernels.convert(
          factors.block, new Tensor(block.slab(), block.offset() + bytes, 1, count, block.dtype()));
      rounded = true;
    }
  }

  /** Whether {@link #factors} have ever been made. */
  boolean isRounded() {
    return rounded;
  }

  public ParameterLayout layout() {
    return layout;
  }

  /** The whole block, [1, elements]. */
  public Tensor block() {
    return block;
  }

  public Tensor get(String name) {
    return get(layout.entry(name));
  }

  public Tensor get(ParameterLayout.Entry entry) {
    return view(entry.start(), entry.rows(), entry.cols());
  }

  /**
   * {@code count} neighbours of equal shape, from {@code first} on, as one tensor with their rows
   * (or columns) joined.
   */
  public Tensor joined(String first, int count) {
    ParameterLayout.Entry entry = layout.entry(first);
    return entry.vector()
        ? view(entry.start(), 1, count * entry.cols())
        : view(entry.start(), count * entry.rows(), entry.cols());
  }

  private Tensor view(long start, int rows, int cols) {
    return new Tensor(
        block.slab(),
        block.offset() + (start - first) * block.dtype().bytes(),
        rows,
        cols,
        block.dtype());
  }
}
