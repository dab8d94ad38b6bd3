package io.holdfast.kernels.contract;

import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/** The tensors of a {@link Trial}, by name. */
interface Tensors {

  Tensor get(String name);

  default Rows draws() {
    return new Rows(get("streams"), get("positions"));
  }

  default Sequences sequences(int maxLength) {
    return new Sequences(get("starts"), get("streams"), maxLength);
  }
}
