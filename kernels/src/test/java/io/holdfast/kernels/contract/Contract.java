package io.holdfast.kernels.contract;

import io.holdfast.kernels.Kernels;
import java.util.Arrays;

/** What the parts of {@link KernelsContract} share. */
interface Contract {

  Kernels kernels();

  /** Unit roundoff of everything but matrix products. */
  double roundoff();

  /** Unit roundoff of the factors of matrix products. */
  double productRoundoff();

  default Trial trial(String operation, int... shape) {
    return new Trial(kernels(), operation + Arrays.toString(shape), roundoff());
  }

  default Trial productTrial(String operation, int... shape) {
    return new Trial(kernels(), operation + Arrays.toString(shape), productRoundoff());
  }
}
