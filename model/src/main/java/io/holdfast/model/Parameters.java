package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Tensor;

/**
 * One block of a {@link ParameterLayout}: the weights, or their gradients, or a moment of the
 * optimiser.
 */
public final class Parameters {

  private final ParameterLayout layout;
  private final Tensor block;

  /** Throws kind MODEL_FILE where the layout is larger than a block can be. */
  public Parameters(ParameterLayout layout, Arena arena, DType dtype) {
    if (layout.elements() > ParameterLayout.MAX_ELEMENTS) {
      throw new HoldfastException(
          HoldfastException.Kind.MODEL_FILE,
          "a model of " + layout.elements() + " parameters is too large");
    }
    this.layout = layout;
    this.block = arena.take(dtype, 1, (int) layout.elements());
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
        block.slab(), block.offset() + start * block.dtype().bytes(), rows, cols, block.dtype());
  }
}
