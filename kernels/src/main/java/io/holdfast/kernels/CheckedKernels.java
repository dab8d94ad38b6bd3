package io.holdfast.kernels;

/**
 * Any backend, with its arguments checked: shapes, types, overlap, closed slabs. What reaches the
 * backend is right, so no backend checks for itself. Values of indices are not looked at: they may
 * be in a device's memory.
 *
 * <p>Throws IllegalArgumentException with the operation and the shapes, IllegalStateException where
 * a slab is closed.
 */
public final class CheckedKernels extends CheckedLinear {

  public CheckedKernels(Kernels backend) {
    super(backend);
  }

  // ---- normalisation and dropout ----

  @Override
  public void dropout(Tensor y, Tensor x, float p, Key key, Rows rows) {
    check.alike("dropout", "y", y, x);
    check.inPlaceOrApart("dropout", y, x);
    check.probability("dropout", p);
    check.draws("dropout", key, rows, y);
    backend.dropout(y, x, p, key, rows);
  }

  @Override
  public void layerNorm(
      Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float eps) {
    check.alike("layerNorm", "y", y, x);
    check.reals("layerNorm", "beta", beta, 1, x.cols());
    check.norm("layerNorm", x, mean, rstd, gamma);
    check.outputsApart("layerNorm", of(y, mean, rstd), of(x, gamma, beta));
    backend.layerNorm(y, mean, rstd, x, gamma, beta, eps);
  }

  @Override
  public void layerNormBackward(
      Tensor dx,
      Tensor dGamma,
      Tensor dBeta,
      Tensor dy,
      Tensor x,
      Tensor mean,
      Tensor rstd,
      Tensor gamma) {
    check.alike("layerNormBackward", "dx", dx, x);
    check.alike("layerNormBackward", "dy", dy, x);
    check.norm("layerNormBackward", x, mean, rstd, gamma);
    check.normGradients("layerNormBackward", dGamma, dBeta, x);
    check.inPlaceOrApart("layerNormBackward", dx, dy);
    check.outputsApart("layerNormBackward", of(dx, dGamma, dBeta), of(x, mean, rstd, gamma));
    check.outputsApart("layerNormBackward", of(dGamma, dBeta), of(dy));
    backend.layerNormBackward(dx, dGamma, dBeta, dy, x, mean, rstd, gamma);
  }

  @Override
  public void dropoutAddLayerNorm(
      Tensor y,
      Tensor s,
      Tensor mean,
      Tensor rstd,
      Tensor x,
      Tensor residual,
      Tensor gamma,
      Tensor beta,
      float eps,
      float p,
      Key key,
      Rows rows) {
    check.alike("dropoutAddLayerNorm", "y", y, x);
    check.alike("dropoutAddLayerNorm", "s", s, x);
    check.alike("dropoutAddLayerNorm", "residual", residual, x);
    check.reals("dropoutAddLayerNorm", "beta", beta, 1, x.cols());
    check.norm("dropoutAddLayerNorm", x, mean, rstd, gamma);
    check.inPlaceOrApart("dropoutAddLayerNorm", s, x);
    check.outputsApart("dropoutAddLayerNorm", of(y, s, mean, rstd), of(residual, gamma, beta));
    check.outputsApart("dropoutAddLayerNorm", of(y, mean, rstd), of(x));
    check.probability("dropoutAddLayerNorm", p);
    check.draws("dropoutAddLayerNorm", key, rows, x);
    backend.dropoutAddLayerNorm(y, s, mean, rstd, x, residual, gamma, beta, eps, p, key, rows);
  }

  @Override
  public void dropoutAddLayerNormBackward(
      Tensor dx,
      Tensor dResidual,
      Tensor dGamma,
      Tensor dBeta,
      Tensor dy,
      Tensor s,
      Tensor mean,
      Tensor rstd,
      Tensor gamma,
      float p,
      Key key,
      Rows rows) {
    check.alike("dropoutAddLayerNormBackward", "dx", dx, s);
    check.alike("dropoutAddLayerNormBackward", "dResidual", dResidual, s);
    check.alike("dropoutAddLayerNormBackward", "dy", dy, s);
    check.norm("dropoutAddLayerNormBackward", s, mean, rstd, gamma);
    check.normGradients("dropoutAddLayerNormBackward", dGamma, dBeta, s);
    check.inPlaceOrApart("dropoutAddLayerNormBackward", dResidual, dy);
    check.outputsApart(
        "dropoutAddLayerNormBackward", of(dx, dResidual, dGamma, dBeta), of(s, mean, rstd, gamma));
    check.outputsApart("dropoutAddLayerNormBackward", of(dx, dGamma, dBeta), of(dy));
    check.probability("dropoutAddLayerNormBackward", p);
    check.draws("dropoutAddLayerNormBackward", key, rows, s);
    backend.dropoutAddLayerNormBackward(
        dx, dResidual, dGamma, dBeta, dy, s, mean, rstd, gamma, p, key, rows);
  }

  // ---- attention over packed sequences ----

  @Override
  public long attentionScratch(int maxLength, int heads, int headSize) {
    return backend.attentionScratch(maxLength, heads, headSize);
  }

  @Override
  public void attention(
      Tensor ctx,
      Tensor lse,
      Tensor scratch,
      Tensor qkv,
      Sequences sequences,
      int heads,
      float p,
      Key key) {
    check.packed("attention", qkv, ctx, lse, sequences, heads);
    check.probability("attention", p);
    check.key("attention", key);
    check.scratch("attention", scratch, scratchOf(qkv, sequences, heads));
    check.outputsApart("attention", of(ctx, lse, scratch), of(qkv));
    backend.attention(ctx, lse, scratch, qkv, sequences, heads, p, key);
  }

  @Override
  public void attentionBackward(
      Tensor dqkv,
      Tensor scratch,
      Tensor dctx,
      Tensor ctx,
      Tensor lse,
      Tensor qkv,
      Sequences sequences,
      int heads,
      float p,
      Key key) {
    check.alike("attentionBackward", "dqkv", dqkv, qkv);
    check.alike("attentionBackward", "dctx", dctx, ctx);
    check.packed("attentionBackward", qkv, ctx, lse, sequences, heads);
    check.probability("attentionBackward", p);
    check.key("attentionBackward", key);
    check.scratch("attentionBackward", scratch, scratchOf(qkv, sequences, heads));
    check.outputsApart("attentionBackward", of(dqkv, scratch), of(dctx, ctx, lse, qkv));
    backend.attentionBackward(dqkv, scratch, dctx, ctx, lse, qkv, sequences, heads, p, key);
  }

  private long scratchOf(Tensor qkv, Sequences sequences, int heads) {
    return attentionScratch(sequences.maxLength(), heads, qkv.cols() / 3 / heads);
  }

  // ---- losses ----

  @Override
  public void crossEntropy(Tensor loss, Tensor dLogits, Tensor logits, Tensor labels, float scale) {
    check.reals("crossEntropy", "loss", loss, logits.rows(), 1);
    check.ints("crossEntropy", "labels", labels, logits.rows());
    check.reals("crossEntropy", "logits", logits, loss.rows(), logits.cols());
    check.optional("crossEntropy", "dLogits", dLogits, logits.rows(), logits.cols());
    check.outputsApart("crossEntropy", of(loss, dLogits), of(logits, labels));
    backend.crossEntropy(loss, dLogits, logits, labels, scale);
  }

  @Override
  public void symmetricKl(
      Tensor kl, Tensor dP, Tensor dQ, Tensor pLogits, Tensor qLogits, float scale) {
    check.reals("symmetricKl", "kl", kl, pLogits.rows(), 1);
    check.same("symmetricKl", "qLogits", qLogits, pLogits);
    check.optional("symmetricKl", "dP", dP, pLogits.rows(), pLogits.cols());
    check.optional("symmetricKl", "dQ", dQ, pLogits.rows(), pLogits.cols());
    check.outputsApart("symmetricKl", of(kl, dP, dQ), of(pLogits, qLogits));
    backend.symmetricKl(kl, dP, dQ, pLogits, qLogits, scale);
  }

  @Override
  public void squaredError(Tensor loss, Tensor dx, Tensor x, Tensor target, float scale) {
    check.reals("squaredError", "x", x, x.rows(), 1);
    check.same("squaredError", "loss", loss, x);
    check.same("squaredError", "target", target, x);
    check.optional("squaredError", "dx", dx, x.rows(), x.cols());
    check.outputsApart("squaredError", of(loss, dx), of(x, target));
    backend.squaredError(loss, dx, x, target, scale);
  }

  // ---- the update ----

  @Override
  public double sumOfSquares(Tensor x) {
    check.reals("sumOfSquares", "x", x, x.rows(), x.cols());
    return backend.sumOfSquares(x);
  }

  @Override
  public void adamw(Tensor w, Tensor m, Tensor v, Tensor g, AdamStep step) {
    check.reals("adamw", "w", w, w.rows(), w.cols());
    check.same("adamw", "m", m, w);
    check.same("adamw", "v", v, w);
    check.same("adamw", "g", g, w);
    check.outputsApart("adamw", of(w, m, v), of(g));
    backend.adamw(w, m, v, g, step);
  }

  private static Tensor[] of(Tensor... tensors) {
    return tensors;
  }
}
