package io.holdfast.engine.criteria;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.SpectralNorm;
import java.util.Map;

/**
 * R4F (Aghajanyan et al., ICLR 2021): {@link R3f} with a spectrally normalised head, see {@link
 * SpectralNorm}.
 *
 * <p>Follows the public facebookresearch/fairseq code by default: only the projection onto the
 * logits is normalised, to a largest singular value of exactly 1 (a fresh projection grows by it).
 * The paper normalises every matrix of the head, so that it is 1-Lipschitz: {@link
 * SpectralNorm.Scope#HEAD}, and {@link SpectralNorm.Mode#AT_MOST} for its "at most". u and v start
 * as normal vectors of length 1, follow the weights by one power iteration an update, stand still
 * in evaluation, and are constants to the backward, as in torch.nn.utils.spectral_norm.
 *
 * <p>Deviations by choice. That code iterates in each forward, twice an update and again in each
 * micro-batch, its noised branch with another sigma than its clean one; here both branches are one
 * forward, and the vectors move once an update, so that micro-batches add up to the big batch. They
 * move once more as a run begins: no evaluation divides by the sigma of random vectors. A saved
 * model holds W / sigma, which any reader of such models loads, and checkpoints hold W, u and v;
 * what that code saves does not load.
 */
public final class R4f implements Criterion {

  private final R3f r3f;
  private final R4fOptions options;
  private SpectralNorm norm;

  public R4f(R3fOptions r3f, R4fOptions options) {
    this.r3f = new R3f(r3f);
    this.options = options;
  }

  @Override
  public boolean addsNoise() {
    return r3f.addsNoise();
  }

  @Override
  public Map<String, Parameters> takeState(
      Kernels kernels, Arena arena, SequenceClassifier model, Key key) {
    norm =
        SpectralNorm.attach(
            model, kernels, arena, options.spectralNormScope(), options.spectralNormMode());
    norm.draw(kernels, key);
    iterate(kernels);
    return Map.of("spectral_norm", norm.vectors());
  }

  @Override
  public void beginUpdate(Kernels kernels) {
    iterate(kernels);
    norm.check(kernels);
  }

  private void iterate(Kernels kernels) {
    norm.iterate(kernels, options.spectralNormIterations());
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    return r3f.accumulate(model, pass, batch, scale, gradients);
  }
}
