package io.holdfast.kernels.reference;

import io.holdfast.kernels.CheckedKernels;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.contract.KernelsContract;

/** The reference itself keeps the contract: bounds, overwriting, NaN, random bits. */
class ReferenceKernelsTest extends KernelsContract {

  @Override
  protected Kernels open() {
    return new CheckedKernels(new ReferenceKernels());
  }
}
