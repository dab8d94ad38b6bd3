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

  /** Unit roundoff of what is computed with hidden states that were stored between two steps. */
  default double hiddenRoundoff() {
    return switch (kernels().hidden()) {
      case BF16 -> 0x1p-8;
      case F16 -> 0x1p-11;
      default -> roundoff();
    };
  }

  default Trial trial(String operation, int... shape) {
    return new Trial(kernels(), operation + Arrays.toString(shape), roundoff());
  }

  /** Whether the bits of matrix products depend on how their factors are aligned. */
  default boolean productsDependOnAlignment() {
    return false;
  }

  default Trial productTrial(String operation, int... shape) {
    return new Trial(kernels(), operation + Arrays.toString(shape), productRoundoff())
        .alignmentMatters(productsDependOnAlignment());
  }

  /** Of an operation that stores hidden states and computes on with them. */
  default Trial hiddenTrial(String operation, int... shape) {
    return new Trial(kernels(), operation + Arrays.toString(shape), hiddenRoundoff());
  }
}
