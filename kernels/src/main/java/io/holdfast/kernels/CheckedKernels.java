package io.holdfast.kernels;

/**
 * Any backend, with its arguments checked: shapes, types, overlap, closed slabs. What reaches the
 * backend is right, so no backend checks for itself. Values of indices are not looked at: they may
 * be in a device's memory.
 *
 * <p>Throws IllegalArgumentException with the operation and the shapes, IllegalStateException where
 * a slab is closed.
 */
public final class CheckedKernels implements Kernels {

  private final Kernels backend;
  private final Arguments check;

  public CheckedKernels(Kernels backend) {
    this.backend = backend;
    this.check = new Arguments(backend.real());
  }

  @Override
  public String name() {
    return backend.name();
  }

  @Override
  public DType real() {
    return backend.real();
  }

  @Override
  public String note() {
    return backend.note();
  }

  // ---- memory ----

  @Override
  public Slab allocate(long bytes) {
    if (bytes < 0) {
      throw Arguments.wrong("allocate", bytes + " bytes");
    }
    return backend.allocate(bytes);
  }

  @Override
  public void upload(Tensor dst, float[] src, int from) {
    check.reals("upload", "dst", dst, dst.rows(), dst.cols());
    check.range("upload", src.length, from, dst);
    backend.upload(dst, src, from);
  }

  @Override
  public void upload(Tensor dst, int[] src, int from) {
    check.shape("upload", "dst", dst, dst.rows(), dst.cols(), DType.I32);
    check.range("upload", src.length, from, dst);
    backend.upload(dst, src, from);
  }

  @Override
  public void download(float[] dst, int from, Tensor src) {
    check.reals("download", "src", src, src.rows(), src.cols());
    check.range("download", dst.length, from, src);
    backend.download(dst, from, src);
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    check.shape("copy", "dst", dst, src.rows(), src.cols(), src.dtype());
    check.shape("copy", "src", src, dst.rows(), dst.cols(), dst.dtype());
    check.apart("copy", dst, src);
    backend.copy(dst, src);
  }

  @Override
  public void zero(Tensor x) {
    check.shape("zero", "x", x, x.rows(), x.cols(), x.dtype());
    backend.zero(x);
  }

  // ---- linear layers ----

  @Override
  public void linear(Tensor y, Tensor x, Tensor w, Tensor b) {
    check.reals("linear", "x", x, y.rows(), x.cols());
    check.reals("linear", "w", w, y.cols(), x.cols());
    check.reals("linear", "y", y, x.rows(), w.rows());
    check.optional("linear", "b", b, 1, y.cols());
    check.apart("linear", y, b, x, w);
    backend.linear(y, x, w, b);
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dy, Tensor w, boolean add) {
    check.reals("linearBackwardInput", "w", w, dy.cols(), dx.cols());
    check.reals("linearBackwardInput", "dy", dy, dx.rows(), w.rows());
    check.reals("linearBackwardInput", "dx", dx, dy.rows(), w.cols());
    check.apart("linearBackwardInput", dx, dy, w);
    backend.linearBackwardInput(dx, dy, w, add);
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor db, Tensor dy, Tensor x) {
    check.reals("linearBackwardWeight", "dw", dw, dy.cols(), x.cols());
    check.reals("linearBackwardWeight", "dy", dy, x.rows(), dw.rows());
    check.reals("linearBackwardWeight", "x", x, dy.rows(), dw.cols());
    check.optional("linearBackwardWeight", "db", db, 1, dy.cols());
    check.apart("linearBackwardWeight", dw, db, dy, x);
    backend.linearBackwardWeight(dw, db, dy, x);
  }

  // ---- rows and embeddings ----

  @Override
  public void gather(Tensor y, Tensor table, Tensor ids) {
    check.ints("gather", "ids", ids, y.rows());
    check.reals("gather", "table", table, table.rows(), y.cols());
    check.reals("gather", "y", y, ids.rows(), table.cols());
    check.apart("gather", y, table);
    backend.gather(y, table, ids);
  }

  @Override
  public void gatherBackward(Tensor dTable, Tensor dy, Tensor ids) {
    check.ints("gatherBackward", "ids", ids, dy.rows());
    check.reals("gatherBackward", "dTable", dTable, dTable.rows(), dy.cols());
    check.reals("gatherBackward", "dy", dy, ids.rows(), dTable.cols());
    check.apart("gatherBackward", dTable, dy);
    backend.gatherBackward(dTable, dy, ids);
  }

  @Override
  public void embeddingSum(
      Tensor y,
      Tensor words,
      Tensor positionTable,
      Tensor positions,
      Tensor typeTable,
      Tensor types) {
    check.same("embeddingSum", "words", words, y);
    check.reals("embeddingSum", "positionTable", positionTable, positionTable.rows(), y.cols());
    check.ints("embeddingSum", "positions", positions, y.rows());
    check.reals("embeddingSum", "typeTable", typeTable, typeTable.rows(), y.cols());
    check.ints("embeddingSum", "types", types, y.rows());
    check.inPlaceOrApart("embeddingSum", y, words);
    check.apart("embeddingSum", y, positionTable, typeTable);
    backend.embeddingSum(y, words, positionTable, positions, typeTable, types);
  }

  @Override
  public void addNoise(Tensor y, Tensor x, NoiseType type, float eps, Key key, Rows rows) {
    check.same("addNoise", "y", y, x);
    check.inPlaceOrApart("addNoise", y, x);
    check.draws("addNoise", key, rows, y);
    backend.addNoise(y, x, type, eps, key, rows);
  }

  // ---- normalisation and dropout ----

  @Override
  public void dropout(Tensor y, Tensor x, float p, Key key, Rows rows) {
    check.same("dropout", "y", y, x);
    check.inPlaceOrApart("dropout", y, x);
    check.probability("dropout", p);
    check.draws("dropout", key, rows, y);
    backend.dropout(y, x, p, key, rows);
  }

  @Override
  public void layerNorm(
      Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float eps) {
    check.same("layerNorm", "y", y, x);
    check.reals("layerNorm", "beta", beta, 1, x.cols());
    check.norm("layerNorm", x, mean, rstd, gamma);
    check.apart("layerNorm", y, x);
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
    check.same("layerNormBackward", "dx", dx, x);
    check.same("layerNormBackward", "dy", dy, x);
    check.norm("layerNormBackward", x, mean, rstd, gamma);
    check.normGradients("layerNormBackward", dGamma, dBeta, x);
    check.inPlaceOrApart("layerNormBackward", dx, dy);
    check.apart("layerNormBackward", dx, x);
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
    check.same("dropoutAddLayerNorm", "y", y, x);
    check.same("dropoutAddLayerNorm", "s", s, x);
    check.same("dropoutAddLayerNorm", "residual", residual, x);
    check.reals("dropoutAddLayerNorm", "beta", beta, 1, x.cols());
    check.norm("dropoutAddLayerNorm", x, mean, rstd, gamma);
    check.inPlaceOrApart("dropoutAddLayerNorm", s, x);
    check.apart("dropoutAddLayerNorm", s, residual);
    check.apart("dropoutAddLayerNorm", y, s, x, residual);
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
    check.same("dropoutAddLayerNormBackward", "dx", dx, s);
    check.same("dropoutAddLayerNormBackward", "dResidual", dResidual, s);
    check.same("dropoutAddLayerNormBackward", "dy", dy, s);
    check.norm("dropoutAddLayerNormBackward", s, mean, rstd, gamma);
    check.normGradients("dropoutAddLayerNormBackward", dGamma, dBeta, s);
    check.inPlaceOrApart("dropoutAddLayerNormBackward", dResidual, dy);
    check.apart("dropoutAddLayerNormBackward", dx, dResidual, dy, s);
    check.apart("dropoutAddLayerNormBackward", dResidual, s);
    check.probability("dropoutAddLayerNormBackward", p);
    check.draws("dropoutAddLayerNormBackward", key, rows, s);
    backend.dropoutAddLayerNormBackward(
        dx, dResidual, dGamma, dBeta, dy, s, mean, rstd, gamma, p, key, rows);
  }

  // ---- activations ----

  @Override
  public void biasGelu(Tensor y, Tensor x, Tensor b) {
    check.same("biasGelu", "y", y, x);
    check.reals("biasGelu", "b", b, 1, x.cols());
    check.apart("biasGelu", y, x);
    backend.biasGelu(y, x, b);
  }

  @Override
  public void biasGeluBackward(Tensor dx, Tensor dy, Tensor x, Tensor b) {
    check.same("biasGeluBackward", "dx", dx, x);
    check.same("biasGeluBackward", "dy", dy, x);
    check.reals("biasGeluBackward", "b", b, 1, x.cols());
    check.inPlaceOrApart("biasGeluBackward", dx, dy);
    check.apart("biasGeluBackward", dx, x);
    backend.biasGeluBackward(dx, dy, x, b);
  }

  @Override
  public void tanh(Tensor y, Tensor x) {
    check.same("tanh", "y", y, x);
    check.inPlaceOrApart("tanh", y, x);
    backend.tanh(y, x);
  }

  @Override
  public void tanhBackward(Tensor dx, Tensor dy, Tensor y) {
    check.same("tanhBackward", "dx", dx, y);
    check.same("tanhBackward", "dy", dy, y);
    check.inPlaceOrApart("tanhBackward", dx, dy);
    check.apart("tanhBackward", dx, y);
    backend.tanhBackward(dx, dy, y);
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
    check.apart("attention", ctx, qkv);
    check.scratch("attention", scratch, scratchOf(qkv, sequences, heads));
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
    check.same("attentionBackward", "dqkv", dqkv, qkv);
    check.same("attentionBackward", "dctx", dctx, ctx);
    check.packed("attentionBackward", qkv, ctx, lse, sequences, heads);
    check.probability("attentionBackward", p);
    check.apart("attentionBackward", dqkv, qkv, dctx, ctx);
    check.scratch("attentionBackward", scratch, scratchOf(qkv, sequences, heads));
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
    check.apart("crossEntropy", logits, dLogits);
    backend.crossEntropy(loss, dLogits, logits, labels, scale);
  }

  @Override
  public void symmetricKl(
      Tensor kl, Tensor dP, Tensor dQ, Tensor pLogits, Tensor qLogits, float scale) {
    check.reals("symmetricKl", "kl", kl, pLogits.rows(), 1);
    check.same("symmetricKl", "qLogits", qLogits, pLogits);
    check.optional("symmetricKl", "dP", dP, pLogits.rows(), pLogits.cols());
    check.optional("symmetricKl", "dQ", dQ, pLogits.rows(), pLogits.cols());
    check.apart("symmetricKl", dP, dQ);
    backend.symmetricKl(kl, dP, dQ, pLogits, qLogits, scale);
  }

  @Override
  public void squaredError(Tensor loss, Tensor dx, Tensor x, Tensor target, float scale) {
    check.reals("squaredError", "x", x, x.rows(), 1);
    check.same("squaredError", "loss", loss, x);
    check.same("squaredError", "target", target, x);
    check.optional("squaredError", "dx", dx, x.rows(), x.cols());
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
    backend.adamw(w, m, v, g, step);
  }

  @Override
  public void close() {
    backend.close();
  }
}
