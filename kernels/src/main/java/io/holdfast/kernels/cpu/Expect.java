package io.holdfast.kernels.cpu;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/**
 * Shape and type checks at the door: what passes them cannot make a kernel leave its tensors. Each
 * returns the tensor's address (0 for null, where null is allowed).
 */
final class Expect {

  private Expect() {}

  static long real(Tensor t, long rows, long cols) {
    return of(DType.F32, t, rows, cols);
  }

  static long realOrNull(Tensor t, long rows, long cols) {
    return t == null ? 0 : of(DType.F32, t, rows, cols);
  }

  /** A row of the given length: a bias, a gain. */
  static long vector(Tensor t, long length) {
    return of(DType.F32, t, 1, length);
  }

  static long vectorOrNull(Tensor t, long length) {
    return t == null ? 0 : vector(t, length);
  }

  /** I32 of shape [rows, 1]. */
  static long ints(Tensor t, long rows) {
    return of(DType.I32, t, rows, 1);
  }

  /** Every id names a row of the table. */
  static long ids(Tensor ids, long rows, int tableRows) {
    long address = ints(ids, rows);
    long bad = CpuNative.firstBadId(address, tableRows, 0, rows);
    if (bad >= 0) {
      throw new IndexOutOfBoundsException("id of row " + bad + " is not in [0, " + tableRows + ")");
    }
    return address;
  }

  static void heads(Tensor qkv, Tensor ctx, Sequences sequences, int heads) {
    if (heads < 1 || ctx.cols() % heads != 0 || qkv.cols() != 3L * ctx.cols()) {
      throw new IllegalArgumentException(
          "attention of " + heads + " heads over " + qkv.shape() + " and " + ctx.shape());
    }
    ints(sequences.starts(), sequences.count() + 1L);
    ints(sequences.streams(), sequences.count());
    if (!CpuNative.startsFit(
        sequences.starts().address(), sequences.count(), ctx.rows(), sequences.maxLength())) {
      throw new IllegalArgumentException(
          "sequences do not ascend within "
              + ctx.rows()
              + " rows by at most "
              + sequences.maxLength());
    }
  }

  private static long of(DType dtype, Tensor t, long rows, long cols) {
    if (t.dtype() != dtype || t.rows() != rows || t.cols() != cols) {
      throw new IllegalArgumentException(
          t.dtype()
              + " "
              + t.shape()
              + " where "
              + dtype
              + " ["
              + rows
              + ", "
              + cols
              + "] belongs");
    }
    return t.address();
  }
}
