package io.holdfast.kernels;

/** How large a perturbation of a sequence is, over all elements of all its tokens. */
public enum Norm {
  /** The root of the sum of squares: Frobenius' norm of the sequence's rows. */
  L2,
  /** The largest absolute value. */
  LINF
}
