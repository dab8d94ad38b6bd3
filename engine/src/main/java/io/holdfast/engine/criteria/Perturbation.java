package io.holdfast.engine.criteria;

import io.holdfast.kernels.Tensor;
import io.holdfast.model.Pass;

/** What {@link Smart} and {@link Freelb} do alike with a perturbation of the embeddings. */
final class Perturbation {

  private Perturbation() {}

  /** {@code e + delta}, [N,H], both kept. */
  static Tensor add(Pass pass, Tensor e, Tensor delta) {
    Tensor sum = pass.take(e.rows(), e.cols());
    pass.kernels().copy(sum, e);
    pass.kernels().axpby(sum, 1f, delta, 1f);
    return sum;
  }
}
