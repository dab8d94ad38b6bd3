package io.holdfast.kernels.none;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * Runs everything except the arithmetic: counts the calls of each operation and the bytes of the
 * tensors it was given. Slabs have made-up addresses and any size up to 2^62 in all; downloads are
 * zeros. A step on it shows how much memory the step takes ({@link
 * io.holdfast.kernels.Arena#highWater()}) and what it launches.
 */
public final class NullKernels implements Kernels {

  /** How often an operation was called, and on how many bytes in all. */
  public record Count(long calls, long bytes) {

    Count plus(Count other) {
      return new Count(calls + other.calls, bytes + other.bytes);
    }
  }

  /** Says how much scratch attention needs; null: none. */
  private final Kernels like;

  private final DType real;
  private final Map<String, Count> counts = new TreeMap<>();
  private long nextAddress = 4096;

  public NullKernels() {
    this(DType.F32);
  }

  public NullKernels(DType real) {
    this.real = real;
    this.like = null;
  }

  /** Sizes everything as {@code like} does, so that its arena can be planned. */
  public NullKernels(Kernels like) {
    this.real = like.real();
    this.like = like;
  }

  /** By operation, in the order of names; operations never called are absent. */
  public Map<String, Count> counts() {
    return Collections.unmodifiableMap(counts);
  }

  public long calls(String operation) {
    return counts.getOrDefault(operation, new Count(0, 0)).calls();
  }

  private void count(String operation, Tensor... tensors) {
    long bytes = 0;
    for (Tensor tensor : tensors) {
      bytes += tensor == null ? 0 : tensor.bytes();
    }
    counts.merge(operation, new Count(1, bytes), Count::plus);
  }

  @Override
  public String name() {
    return "null";
  }

  @Override
  public DType real() {
    return real;
  }

  // ---- memory ----

  @Override
  public Slab allocate(long bytes) {
    long address = nextAddress;
    nextAddress = Math.addExact(nextAddress, (bytes + 4095) / 4096 * 4096);
    return new FictionalSlab(address, bytes);
  }

  private static final class FictionalSlab implements Slab {
    private final long address;
    private final long bytes;
    private boolean closed;

    FictionalSlab(long address, long bytes) {
      this.address = address;
      this.bytes = bytes;
    }

    @Override
    public long address() {
      if (closed) {
        throw new IllegalStateException("slab of " + bytes + " bytes is closed");
      }
      return address;
    }

    @Override
    public long bytes() {
      return bytes;
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  @Override
  public void upload(Tensor dst, float[] src, int from) {
    count("upload", dst);
  }

  @Override
  public void upload(Tensor dst, int[] src, int from) {
    count("upload", dst);
  }

  @Override
  public void download(float[] dst, int from, Tensor src) {
    count("download", src);
    Arrays.fill(dst, from, from + Math.toIntExact(src.elements()), 0f);
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    count("copy", dst, src);
  }

  @Override
  public void zero(Tensor x) {
    count("zero", x);
  }

  // ---- linear layers ----

  @Override
  public void linear(Tensor y, Tensor x, Tensor w, Tensor b) {
    count("linear", y, x, w, b);
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dy, Tensor w, boolean add) {
    count("linearBackwardInput", dx, dy, w);
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor db, Tensor dy, Tensor x) {
    count("linearBackwardWeight", dw, db, dy, x);
  }

  // ---- rows and embeddings ----

  @Override
  public void gather(Tensor y, Tensor table, Tensor ids) {
    count("gather", y, ids);
  }

  @Override
  public void gatherBackward(Tensor dTable, Tensor dy, Tensor ids) {
    count("gatherBackward", dy, ids);
  }

  @Override
  public void embeddingSum(
      Tensor y,
      Tensor words,
      Tensor positionTable,
      Tensor positions,
      Tensor typeTable,
      Tensor types) {
    count("embeddingSum", y, words, positions, types);
  }

  @Override
  public void addNoise(Tensor y, Tensor x, NoiseType type, float eps, Key key, Rows rows) {
    count("addNoise", y, x);
  }

  // ---- normalisation and dropout ----

  @Override
  public void dropout(Tensor y, Tensor x, float p, Key key, Rows rows) {
    count("dropout", y, x);
  }

  @Override
  public void layerNorm(
      Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float eps) {
    count("layerNorm", y, mean, rstd, x, gamma, beta);
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
    count("layerNormBackward", dx, dGamma, dBeta, dy, x, mean, rstd, gamma);
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
    count("dropoutAddLayerNorm", y, s, mean, rstd, x, residual, gamma, beta);
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
    count("dropoutAddLayerNormBackward", dx, dResidual, dGamma, dBeta, dy, s, mean, rstd, gamma);
  }

  // ---- activations ----

  @Override
  public void biasGelu(Tensor y, Tensor x, Tensor b) {
    count("biasGelu", y, x, b);
  }

  @Override
  public void biasGeluBackward(Tensor dx, Tensor dy, Tensor x, Tensor b) {
    count("biasGeluBackward", dx, dy, x, b);
  }

  @Override
  public void tanh(Tensor y, Tensor x) {
    count("tanh", y, x);
  }

  @Override
  public void tanhBackward(Tensor dx, Tensor dy, Tensor y) {
    count("tanhBackward", dx, dy, y);
  }

  // ---- attention over packed sequences ----

  @Override
  public long attentionScratch(int maxLength, int heads, int headSize) {
    return like == null ? 0 : like.attentionScratch(maxLength, heads, headSize);
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
    count("attention", ctx, lse, qkv);
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
    count("attentionBackward", dqkv, dctx, ctx, lse, qkv);
  }

  // ---- losses ----

  @Override
  public void crossEntropy(Tensor loss, Tensor dLogits, Tensor logits, Tensor labels, float scale) {
    count("crossEntropy", loss, dLogits, logits, labels);
  }

  @Override
  public void symmetricKl(
      Tensor kl, Tensor dP, Tensor dQ, Tensor pLogits, Tensor qLogits, float scale) {
    count("symmetricKl", kl, dP, dQ, pLogits, qLogits);
  }

  @Override
  public void squaredError(Tensor loss, Tensor dx, Tensor x, Tensor target, float scale) {
    count("squaredError", loss, dx, x, target);
  }

  // ---- the update ----

  @Override
  public double sumOfSquares(Tensor x) {
    count("sumOfSquares", x);
    return 0;
  }

  @Override
  public void adamw(Tensor w, Tensor m, Tensor v, Tensor g, AdamStep step) {
    count("adamw", w, m, v, g);
  }

  @Override
  public void close() {}
}
