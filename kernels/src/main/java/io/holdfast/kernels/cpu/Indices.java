package io.holdfast.kernels.cpu;

import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/**
 * Checks of the values of index tensors: what passes cannot make a kernel leave its tensors. Shapes
 * and types are {@link io.holdfast.kernels.CheckedKernels}' part.
 */
final class Indices {

  private Indices() {}

  /** Address of ids that all name a row of a table of {@code tableRows}. */
  static long within(Tensor ids, int tableRows) {
    long bad = CpuNative.firstBadId(ids.address(), tableRows, 0, ids.rows());
    if (bad >= 0) {
      throw new IndexOutOfBoundsException("id of row " + bad + " is not in [0, " + tableRows + ")");
    }
    return ids.address();
  }

  /** Address of starts of sequences that fill the rows and are no longer than they say. */
  static long starts(Sequences sequences, int rows) {
    long starts = sequences.starts().address();
    if (!CpuNative.startsFit(starts, sequences.count(), rows, sequences.maxLength())) {
      throw new IndexOutOfBoundsException(
          "sequences do not fill " + rows + " rows by at most " + sequences.maxLength() + " each");
    }
    return starts;
  }
}
