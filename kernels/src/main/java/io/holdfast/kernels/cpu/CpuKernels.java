package io.holdfast.kernels.cpu;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Philox;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/**
 * Kernels on the CPU: our own C++ under one pool of threads, and linear layers by oneDNN where
 * {@link Precision#BF16_GEMM} is asked for and there is AMX (attention's products stay fp32). Every
 * partition gives each output element to one worker and sums in an order that follows from the
 * shape, so results have the same bits on any number of threads (bf16 products: on the same
 * number). Calls from several threads are safe: what is shared out among the workers runs one call
 * at a time, the rest at once in its caller.
 *
 * <p>Shapes are {@link io.holdfast.kernels.CheckedKernels}' part; ids outside their table throw
 * {@link IndexOutOfBoundsException} before any memory is touched.
 */
public final class CpuKernels extends CpuLinear {

  /** Partial sums of {@link #sumOfSquares}: blocks follow from the length alone. */
  private static final int PARTIALS = 256;

  private final String note;

  /**
   * Throws an exception of kind BACKEND where the native library does not load.
   *
   * @param threads worker threads, the caller included
   */
  public CpuKernels(int threads, Precision precision) {
    super(threads, usesBf16(precision));
    this.note =
        precision == Precision.BF16_GEMM && !hasAmx()
            ? precision + ": this processor has no AMX (amx_bf16); products stay fp32"
            : "";
  }

  /**
   * @param bf16 linear layers through oneDNN's bf16 mode, which keeps fp32 where there is no AMX
   */
  CpuKernels(int threads, boolean bf16) {
    super(threads, bf16);
    this.note = "";
  }

  private static boolean usesBf16(Precision precision) {
    if (precision != Precision.FP32 && precision != Precision.BF16_GEMM) {
      throw new HoldfastException(
          HoldfastException.Kind.BACKEND,
          "backend cpu: " + precision + " is not there: use fp32 or bf16-gemm, or --backend cuda");
    }
    return hasAmx() && precision == Precision.BF16_GEMM;
  }

  private static boolean hasAmx() {
    CpuNative.verifyLoaded();
    return CpuNative.hasAmx();
  }

  @Override
  public String note() {
    return note;
  }

  // ---- normalisation and dropout ----

  @Override
  public void dropout(Tensor y, Tensor x, float p, Key key, Rows rows) {
    int cols = y.cols();
    long py = y.address();
    long px = x.address();
    long ps = rows.streams().address();
    long pp = rows.positions().address();
    int threshold = Philox.dropThreshold(p);
    if (threshold == 0) {
      copy(y, x);
      return;
    }
    float scale = 1 / (1 - p);
    perRow(
        y,
        (from, to) ->
            CpuNative.dropout(py, px, threshold, scale, key.bits(), ps, pp, cols, from, to));
  }

  @Override
  public void layerNorm(
      Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float eps) {
    int cols = y.cols();
    long py = y.address();
    long pm = mean.address();
    long pr = rstd.address();
    long px = x.address();
    long pg = gamma.address();
    long pb = beta.address();
    perRow(y, (from, to) -> CpuNative.layerNorm(py, pm, pr, px, pg, pb, eps, cols, from, to));
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
    int cols = dx.cols();
    long pdx = dx.address();
    long pdy = dy.address();
    long px = x.address();
    long pm = mean.address();
    long pr = rstd.address();
    long pg = gamma.address();
    layerNormParameters(dGamma, dBeta, dy, px, pm, pr); // first: dx may overwrite dy
    perRow(dx, (from, to) -> CpuNative.layerNormBackward(pdx, pdy, px, pm, pr, pg, cols, from, to));
  }

  private void layerNormParameters(
      Tensor dGamma, Tensor dBeta, Tensor dy, long px, long pm, long pr) {
    if (dGamma == null && dBeta == null) {
      return;
    }
    int rows = dy.rows();
    int cols = dy.cols();
    long pdg = dGamma.address();
    long pdb = dBeta.address();
    long pdy = dy.address();
    pool.forRange(
        cols,
        LINE,
        dy.elements(),
        (from, to) ->
            CpuNative.layerNormBackwardParameters(pdg, pdb, pdy, px, pm, pr, rows, cols, from, to));
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
    int cols = y.cols();
    long py = y.address();
    long ps = s.address();
    long pm = mean.address();
    long pr = rstd.address();
    long px = x.address();
    long pres = residual.address();
    long pg = gamma.address();
    long pb = beta.address();
    long pst = rows.streams().address();
    long ppo = rows.positions().address();
    int drop = Philox.dropThreshold(p);
    float scale = 1 / (1 - p);
    long bits = key.bits();
    perRow(
        y,
        (from, to) ->
            CpuNative.dropoutAddLayerNorm(
                py, ps, pm, pr, px, pres, pg, pb, eps, drop, scale, bits, pst, ppo, cols, from,
                to));
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
    int cols = dx.cols();
    long pdx = dx.address();
    long pdr = dResidual.address();
    long pdy = dy.address();
    long ps = s.address();
    long pm = mean.address();
    long pr = rstd.address();
    long pg = gamma.address();
    long pst = rows.streams().address();
    long ppo = rows.positions().address();
    int drop = Philox.dropThreshold(p);
    float scale = 1 / (1 - p);
    long bits = key.bits();
    layerNormParameters(dGamma, dBeta, dy, ps, pm, pr); // first: dResidual may overwrite dy
    perRow(
        dx,
        (from, to) ->
            CpuNative.dropoutAddLayerNormBackward(
                pdx, pdr, pdy, ps, pm, pr, pg, drop, scale, bits, pst, ppo, cols, from, to));
  }

  // ---- attention over packed sequences ----

  @Override
  public long attentionScratch(int maxLength, int heads, int headSize) {
    return pool.threads() * CpuNative.attentionScratch(maxLength);
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
    long pc = ctx.address();
    long pl = lse.address();
    long share = CpuNative.attentionScratch(sequences.maxLength()) * Float.BYTES;
    long pscratch = orNull(scratch);
    long pq = qkv.address();
    long starts = Indices.starts(sequences, ctx.rows());
    long streams = sequences.streams().address();
    int count = sequences.count();
    int size = ctx.cols() / heads;
    int drop = Philox.dropThreshold(p);
    float scale = 1 / (1 - p);
    int workers = pool.threads();
    pool.run(
        w ->
            CpuNative.attention(
                pc,
                pl,
                pscratch + w * share,
                pq,
                starts,
                streams,
                count,
                heads,
                size,
                drop,
                scale,
                key.bits(),
                w,
                workers));
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
    long pdq = dqkv.address();
    long share = CpuNative.attentionScratch(sequences.maxLength()) * Float.BYTES;
    long pscratch = orNull(scratch);
    long pdc = dctx.address();
    long pc = ctx.address();
    long pl = lse.address();
    long pq = qkv.address();
    long starts = Indices.starts(sequences, ctx.rows());
    long streams = sequences.streams().address();
    int count = sequences.count();
    int size = ctx.cols() / heads;
    int drop = Philox.dropThreshold(p);
    float scale = 1 / (1 - p);
    int workers = pool.threads();
    pool.run(
        w ->
            CpuNative.attentionBackward(
                pdq,
                pscratch + w * share,
                pdc,
                pc,
                pl,
                pq,
                starts,
                streams,
                count,
                heads,
                size,
                drop,
                scale,
                key.bits(),
                w,
                workers));
  }

  // ---- losses: a few rows, each by the caller ----

  @Override
  public void crossEntropy(Tensor loss, Tensor dLogits, Tensor logits, Tensor labels, float scale) {
    int cols = logits.cols();
    long pl = loss.address();
    long pd = orNull(dLogits);
    long px = logits.address();
    long py = Indices.within(labels, cols);
    perRow(logits, (from, to) -> CpuNative.crossEntropy(pl, pd, px, py, scale, cols, from, to));
  }

  @Override
  public void symmetricKl(
      Tensor kl, Tensor dP, Tensor dQ, Tensor pLogits, Tensor qLogits, float scale) {
    int cols = pLogits.cols();
    long pk = kl.address();
    long pdp = orNull(dP);
    long pdq = orNull(dQ);
    long pp = pLogits.address();
    long pq = qLogits.address();
    perRow(
        pLogits, (from, to) -> CpuNative.symmetricKl(pk, pdp, pdq, pp, pq, scale, cols, from, to));
  }

  @Override
  public void squaredError(Tensor loss, Tensor dx, Tensor x, Tensor target, float scale) {
    long pl = loss.address();
    long pd = orNull(dx);
    long px = x.address();
    long pt = target.address();
    perRow(x, (from, to) -> CpuNative.squaredError(pl, pd, px, pt, scale, from, to));
  }

  // ---- the update ----

  @Override
  public double sumOfSquares(Tensor x) {
    long px = x.address();
    long n = x.elements();
    long block = (n / PARTIALS / LINE + 1) * LINE;
    int blocks = (int) ((n + block - 1) / block);
    double[] partials = new double[blocks];
    pool.forRange(
        blocks,
        1,
        n,
        (first, last) -> {
          for (long i = first; i < last; i++) {
            partials[(int) i] = CpuNative.sumOfSquares(px, i * block, Math.min(n, (i + 1) * block));
          }
        });
    double sum = 0;
    for (double partial : partials) {
      sum += partial;
    }
    return sum;
  }

  @Override
  public void adamw(Tensor w, Tensor m, Tensor v, Tensor g, AdamStep step) {
    long pw = w.address();
    long pm = m.address();
    long pv = v.address();
    long pg = g.address();
    boolean inside = step.epsilonInside();
    double root2 = Math.sqrt(step.correction2());
    float scale = (float) step.gradientScale();
    float beta1 = (float) step.beta1();
    float rest1 = (float) (1 - step.beta1());
    float beta2 = (float) step.beta2();
    float rest2 = (float) (1 - step.beta2());
    float decay = (float) (step.learningRate() * step.weightDecay());
    float rate = (float) (step.learningRate() / step.correction1() * (inside ? root2 : 1));
    float root = (float) (inside ? 1 : 1 / root2);
    float epsilon = (float) step.epsilon();
    perElement(
        w,
        (from, to) ->
            CpuNative.adamw(
                pw, pm, pv, pg, scale, beta1, rest1, beta2, rest2, decay, rate, root, epsilon, from,
                to));
  }
}
