package io.holdfast.kernels.cuda;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Philox;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Kernels on a GPU: the sources in src/main/cuda, and the device's library for matrix products. No
 * sum is shared among blocks but in a fixed order, so the same call gives the same bits on the same
 * device. Calls return before they are done; {@link #download} and {@link #sumOfSquares} wait.
 *
 * <p>Shapes are {@link io.holdfast.kernels.CheckedKernels}' part. Values of indices are on the
 * device: one that names nothing touches no memory and is thrown, as IndexOutOfBoundsException, by
 * the next of these two.
 */
public final class CudaKernels extends CudaLinear {

  /** As in heads.cu. */
  private static final int TILE = 64;

  private static final int HEAD_THREADS = 128;
  private static final int LARGEST_HEAD = 128;
  private static final int MOST_SEQUENCES = 65_535;

  private final Map<String, String> description;

  /** On the first CUDA device; throws (kind BACKEND), with what is missing, where there is none. */
  public CudaKernels(Precision precision) {
    this(precision, hidden(precision));
  }

  private CudaKernels(Precision precision, DType hidden) {
    super(new CudaDevice(source(hidden), precision == Precision.TF32), hidden);
    this.description = device.description();
  }

  private static CudaSource source(DType hidden) {
    return hidden == DType.F32 ? CudaSource.ours() : CudaSource.ours(hidden);
  }

  private static DType hidden(Precision precision) {
    return switch (precision) {
      case FP32, TF32 -> DType.F32;
      case BF16 -> DType.BF16;
      case FP16 -> DType.F16;
      case BF16_GEMM ->
          throw CudaLibraries.failure(precision + " is the cpu's: use bf16, fp16, tf32 or fp32");
    };
  }

  @Override
  public Map<String, String> device() {
    return description;
  }

  @Override
  public OptionalLong freeMemory() {
    return OptionalLong.of(device.freeMemory());
  }

  // ---- normalisation and dropout ----

  @Override
  public void dropout(Tensor y, Tensor x, float p, Key key, Rows rows) {
    if (Philox.dropThreshold(p) == 0) {
      if (y.address() != x.address()) {
        copy(y, x);
      }
      return;
    }
    draws(launch.of("dropout", y.dtype()).tensors(y, x), p, key, rows).shape(y);
    perUnit(y);
  }

  @Override
  public void layerNorm(
      Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float eps) {
    launch.of("layerNorm", y.dtype()).tensors(y, mean, rstd, x, gamma, beta).number(eps);
    launch.shape(y);
    perRow(y.rows());
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
    normParameters(dGamma, dBeta, dy, x, mean, rstd); // first: dx may overwrite dy
    launch.of("layerNormBackward", dx.dtype()).tensors(dx, dy, x, mean, rstd, gamma);
    launch.shape(dx);
    perRow(dx.rows());
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
    launch.of("dropoutAddLayerNorm", y.dtype()).tensors(y, s, mean, rstd, x, residual, gamma, beta);
    draws(launch.number(eps), p, key, rows).shape(y);
    perRow(y.rows());
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
    normParameters(dGamma, dBeta, dy, s, mean, rstd); // first: dResidual may overwrite dy
    launch
        .of("dropoutAddLayerNormBackward", dx.dtype())
        .tensors(dx, dResidual, dy, s, mean, rstd, gamma);
    draws(launch, p, key, rows).shape(dx);
    perRow(dx.rows());
  }

  private static Launch draws(Launch launch, float p, Key key, Rows rows) {
    mask(launch, p, key);
    return launch.tensors(rows.streams(), rows.positions());
  }

  private static Launch mask(Launch launch, float p, Key key) {
    return launch.number(Philox.dropThreshold(p)).number(1 / (1 - p)).number(key.bits());
  }

  // ---- attention over packed sequences ----

  /** Scores stay on the chip. Throws (kind BACKEND) for heads that are too large for that. */
  @Override
  public long attentionScratch(int maxLength, int heads, int headSize) {
    int bytes = headSize > LARGEST_HEAD ? Integer.MAX_VALUE : backward(hidden(), headSize);
    if (bytes > device.sharedMemory()) {
      throw new HoldfastException(
          HoldfastException.Kind.BACKEND,
          "attention heads of "
              + headSize
              + " are too large for this device, whose blocks have "
              + device.sharedMemory()
              + " bytes of memory; the largest are "
              + LARGEST_HEAD);
    }
    return 0;
  }

  /** Bytes of shared memory of attention.cu: tiles of tokens, and of scores. */
  private static int sharedBytes(int tiles, int scores, int headSize) {
    return (tiles * TILE * (headSize + 1) + scores * TILE * (TILE + 1) + 2 * TILE) * Float.BYTES;
  }

  /** The most that a kernel of the backward needs. */
  private static int backward(DType hidden, int headSize) {
    return hidden == DType.F32 ? sharedBytes(4, 2, headSize) : 512 * (width(headSize) + 9);
  }

  /** Of attention_half.cu: the least that takes a head. */
  private static int width(int headSize) {
    return CudaSource.HEADS.stream().filter(width -> width >= headSize).findFirst().orElseThrow();
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
    int size = ctx.cols() / heads;
    boolean half = ctx.dtype() != DType.F32;
    int bytes = half ? 384 * (width(size) + 8) : sharedBytes(3, 1, size);
    ofHeads("attention", ctx, size).tensors(ctx, lse, qkv);
    runAttention(bytes, ctx, sequences, heads, p, key);
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
    int size = ctx.cols() / heads;
    int bytes = backward(ctx.dtype(), size);
    ofHeads("attentionBackwardQueries", ctx, size).tensors(dqkv, dctx, ctx, lse, qkv);
    runAttention(bytes, ctx, sequences, heads, p, key);
    ofHeads("attentionBackwardKeys", ctx, size).tensors(dqkv, dctx, ctx, lse, qkv);
    runAttention(bytes, ctx, sequences, heads, p, key);
  }

  private Launch ofHeads(String kernel, Tensor ctx, int size) {
    DType type = ctx.dtype();
    boolean half = type != DType.F32;
    return launch.of(kernel + (half ? CudaSource.suffix(type, width(size)) : ""));
  }

  private void runAttention(
      int sharedBytes, Tensor ctx, Sequences sequences, int heads, float p, Key key) {
    if (sequences.count() > MOST_SEQUENCES) {
      throw new IllegalArgumentException(sequences.count() + " sequences in a batch");
    }
    launch.tensors(sequences.starts(), sequences.streams());
    launch.number(ctx.rows()).number(heads).number(ctx.cols() / heads);
    mask(launch, p, key).number(fault());
    int across = Math.max(1, (sequences.maxLength() + TILE - 1) / TILE); // which checks the starts
    int threads = ctx.dtype() == DType.F32 ? THREADS : HEAD_THREADS;
    launch.run(across, heads, sequences.count(), threads, sharedBytes);
  }

  // ---- losses ----

  @Override
  public void crossEntropy(Tensor loss, Tensor dLogits, Tensor logits, Tensor labels, float scale) {
    launch.of("crossEntropy").tensors(loss, dLogits, logits, labels).number(scale);
    launch.shape(logits).number(fault());
    perRow(logits.rows());
  }

  @Override
  public void symmetricKl(
      Tensor kl, Tensor dP, Tensor dQ, Tensor pLogits, Tensor qLogits, float scale) {
    launch.of("symmetricKl").tensors(kl, dP, dQ, pLogits, qLogits).number(scale);
    launch.shape(pLogits);
    perRow(pLogits.rows());
  }

  @Override
  public void squaredError(Tensor loss, Tensor dx, Tensor x, Tensor target, float scale) {
    launch.of("squaredError").tensors(loss, dx, x, target).number(scale).number(x.rows());
    launch.run(x.rows(), THREADS, THREADS);
  }

  // ---- the update ----

  /** Throws IndexOutOfBoundsException as {@link #download} does. */
  @Override
  public double sumOfSquares(Tensor x) {
    launch.of("sumOfSquares").number(partialSums()).tensors(x).number(x.elements());
    launch.run(PARTIALS, 1, 1, THREADS, THREADS / WARP * Double.BYTES);
    device.copyOut(fault(), (int) (partialSums() - fault()) + PARTIALS * Double.BYTES);
    checkFault();
    ByteBuffer partials = device.staging();
    double sum = 0;
    for (int i = 0; i < PARTIALS; i++) {
      sum += partials.getDouble((int) (partialSums() - fault()) + i * Double.BYTES);
    }
    return sum;
  }

  @Override
  public void adamw(Tensor w, Tensor m, Tensor v, Tensor g, AdamStep step) {
    boolean inside = step.epsilonInside();
    double root2 = Math.sqrt(step.correction2());
    launch.of("adamw").tensors(w, m, v, g).number((float) step.gradientScale());
    launch.number((float) step.beta1()).number((float) (1 - step.beta1()));
    launch.number((float) step.beta2()).number((float) (1 - step.beta2()));
    launch.number((float) (step.learningRate() * step.weightDecay()));
    launch.number((float) (step.learningRate() / step.correction1() * (inside ? root2 : 1)));
    launch.number((float) (inside ? 1 : 1 / root2)).number((float) step.epsilon());
    launch.number(w.elements());
    perElement(w);
  }
}
