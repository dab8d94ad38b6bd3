package io.holdfast.engine.criteria;

import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.Pass;
import io.holdfast.model.Sites;
import java.util.stream.IntStream;

/** What methods that perturb embeddings do alike. */
final class Perturbation {

  private Perturbation() {}

  /** {@code e + delta}, [N,H], both kept. */
  static Tensor add(Pass pass, Tensor e, Tensor delta) {
    Tensor sum = pass.take(e.rows(), e.cols());
    pass.kernels().copy(sum, e);
    pass.kernels().axpby(sum, 1f, delta, 1f);
    return sum;
  }

  /** The pass of the perturbed branch: its dropout masks, in the ascent and in the loss. */
  static Pass branch(Pass pass, Masks masks) {
    return masks == Masks.SHARED ? pass : pass.withKey(pass.key(Sites.PERTURBED_BRANCH));
  }

  /** Every token as a sequence of its own. */
  static Sequences eachToken(Pass pass, DeviceBatch x) {
    int n = x.tokenCount();
    Tensor starts = pass.arena().take(DType.I32, n + 1, 1);
    pass.kernels().upload(starts, IntStream.rangeClosed(0, n).toArray(), 0);
    return new Sequences(starts, x.tokenRows().streams(), 1);
  }
}
