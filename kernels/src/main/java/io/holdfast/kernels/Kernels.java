package io.holdfast.kernels;

import java.util.Map;
import java.util.OptionalLong;

/**
 * Everything a backend computes: each operation, forward directly above its backward, with its
 * equation. A backend implements all of it.
 *
 * <p>Conventions. Outputs come first, then inputs, then scalars. Tensors are row-major and
 * contiguous. Parameter gradients ({@code dGamma}, {@code dWeight}, {@code dTable}, …) add to what
 * is there; activation gradients overwrite, except where an {@code add} flag says so. Sums run in
 * an order that depends on the shape, the thread count and the instructions that the processor has,
 * and on nothing else. Unless said otherwise outputs may not overlap inputs or each other; "in
 * place" means that the first output may be the first input. A tensor of zero rows is legal
 * everywhere.
 *
 * <p>Types. Indices are I32, all else is of type {@link #real()}, but for hidden states and the
 * weights they are multiplied with: what is listed as hidden may be of type {@link #hidden()}
 * instead, all of one call alike. Types of 16 bits are for memory and products: sums, and all else
 * that is computed, are fp32 or better, rounded once when a result is stored.
 */
public interface Kernels extends AutoCloseable {

  /** "cpu", "null", …: the name {@link Backends#open} knows. */
  String name();

  /** The type of parameters, their gradients, statistics, logits and losses. */
  DType real();

  /** The type of hidden states: {@link #real()}, BF16 or F16. */
  default DType hidden() {
    return real();
  }

  /** What this machine makes of the precision asked for, in one line; empty if just that. */
  default String note() {
    return "";
  }

  /**
   * What computes, by name: device, versions, libraries; empty where it is this machine's
   * processor.
   */
  default Map<String, String> device() {
    return Map.of();
  }

  // ---- memory ----

  /** Bytes that are free for slabs; empty where they lie in this machine's memory. */
  default OptionalLong freeMemory() {
    return OptionalLong.empty();
  }

  /**
   * Throws {@link HoldfastException} of kind OUT_OF_MEMORY, with the size, when there is not that
   * much.
   */
  Slab allocate(long bytes);

  /** {@code dst = src[from … from + elements)}. */
  void upload(Tensor dst, float[] src, int from);

  /** {@code dst = src[from … from + elements)}. */
  void upload(Tensor dst, int[] src, int from);

  /** {@code dst[from … from + elements) = src}; waits for the result. */
  void download(float[] dst, int from, Tensor src);

  void copy(Tensor dst, Tensor src);

  void zero(Tensor x);

  /**
   * {@code y = x}, the one of type {@link #real()}, the other of {@link #hidden()}: rounded to the
   * nearest, ties to even; what is too large becomes infinite.
   */
  default void convert(Tensor y, Tensor x) {
    copy(y, x);
  }

  /** {@code y = a · x + b · y}. */
  void axpby(Tensor y, float a, Tensor x, float b);

  // ---- linear layers ----

  /** {@code y[N,O] = x[N,I] · wᵀ[O,I] + b[1,O]}; no bias where {@code b} is null. All hidden. */
  void linear(Tensor y, Tensor x, Tensor w, Tensor b);

  /** {@code dx[N,I] = dy[N,O] · w[O,I]}, plus the old {@code dx} if {@code add}. All hidden. */
  void linearBackwardInput(Tensor dx, Tensor dy, Tensor w, boolean add);

  /** {@code dw += dyᵀ · x}; {@code db += Σ_rows dy} unless null. Hidden: dy, x. */
  void linearBackwardWeight(Tensor dw, Tensor db, Tensor dy, Tensor x);

  /**
   * Spectral normalisation with {@code normalize(x) = x / max(‖x‖, 1e-12)}: {@code iterations}
   * times {@code v = normalize(wᵀ·u)}, {@code u = normalize(w·v)}; then {@code sigma = uᵀ·w·v} and
   * {@code y = w / sigma}, or {@code w / max(1, sigma)} if {@code atMostOne}. {@code y} may be
   * {@code w}. A sigma of 0 gives what is not finite, unless {@code atMostOne}.
   *
   * @param y [O,I], as {@code w}
   * @param sigma [1,1]
   * @param u [1,O], read and written
   * @param v [1,I], read and written
   */
  void spectralNorm(
      Tensor y, Tensor sigma, Tensor u, Tensor v, Tensor w, int iterations, boolean atMostOne);

  /**
   * u and v are constants: {@code dw += (dy − <dy, y> · u·vᵀ) / sigma}; {@code dw += dy} if {@code
   * atMostOne} and {@code sigma ≤ 1}.
   */
  void spectralNormBackward(
      Tensor dw, Tensor dy, Tensor y, Tensor sigma, Tensor u, Tensor v, boolean atMostOne);

  // ---- rows and embeddings ----

  /** {@code y[r] = table[ids[r]]}. Hidden: y, table. */
  void gather(Tensor y, Tensor table, Tensor ids);

  /** {@code dTable[ids[r]] += dy[r]}, rows of equal id in ascending r. Hidden: dTable, dy. */
  void gatherBackward(Tensor dTable, Tensor dy, Tensor ids);

  /**
   * {@code y[r] = words[r] + positionTable[positions[r]] + typeTable[types[r]]}; in place. Its
   * backward is the identity for {@code words} and {@link #gatherBackward} for the tables.
   */
  void embeddingSum(
      Tensor y,
      Tensor words,
      Tensor positionTable,
      Tensor positions,
      Tensor typeTable,
      Tensor types);

  /** {@code y = x + z}, z drawn as {@link NoiseType} says; in place. Hidden: y, x. */
  void addNoise(Tensor y, Tensor x, NoiseType type, float eps, Key key, Rows rows);

  /**
   * A step of gradient ascent and the projection onto a ball, for each sequence on its own, ‖·‖
   * over all elements of its rows: {@code d = delta + step · g / (‖g‖ + floor)}, where {@code g =
   * 0} moves nothing; then {@code delta = d · min(1, radius / ‖d‖)} for {@link Norm#L2}, every
   * element of d clamped to ±radius for {@link Norm#LINF}.
   *
   * @param floor 0 or more; with 0 the step does not depend on the size of g
   * @param radius above 0; infinite: no projection
   */
  void ascend(
      Tensor delta,
      Tensor g,
      Sequences sequences,
      Norm norm,
      float step,
      float floor,
      float radius);

  // ---- normalisation and dropout ----

  /**
   * {@code y = x · keep / (1 − p)} with keep from {@link Philox#keeps}; in place. It is its own
   * backward. p = 0 copies. Hidden: y, x.
   */
  void dropout(Tensor y, Tensor x, float p, Key key, Rows rows);

  /**
   * {@code y = (x − mean) · rstd · gamma + beta} over each row, {@code rstd = 1 / sqrt(var + eps)},
   * biased variance. A row whose squares are too large for the type gives NaN. Hidden: y, x.
   *
   * @param mean [N,1], for the backward
   * @param rstd [N,1], for the backward
   */
  void layerNorm(
      Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float eps);

  /**
   * With {@code n = (x − mean) · rstd} and {@code g = dy · gamma}: {@code dx = rstd · (g − avg(g) −
   * n · avg(g · n))}, {@code dGamma += Σ dy · n}, {@code dBeta += Σ dy}; dGamma and dBeta null: not
   * computed. {@code dx} may be {@code dy}. Hidden: dx, dy, x.
   */
  void layerNormBackward(
      Tensor dx,
      Tensor dGamma,
      Tensor dBeta,
      Tensor dy,
      Tensor x,
      Tensor mean,
      Tensor rstd,
      Tensor gamma);

  /**
   * The end of a post-LN block: {@code s = residual + dropout(x)}, {@code y = layerNorm(s)} of s as
   * it is stored. {@code s} may be {@code x}. Hidden: y, s, x, residual.
   */
  void dropoutAddLayerNorm(
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
      Rows rows);

  /**
   * {@code dResidual = layerNormBackward(dy)}, {@code dx = dropout(dResidual)} with the forward's
   * key. {@code dResidual} may be {@code dy}. Hidden: dx, dResidual, dy, s.
   */
  void dropoutAddLayerNormBackward(
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
      Rows rows);

  // ---- activations ----

  /** {@code y = gelu(x + b)}, {@code gelu(t) = t · Φ(t) = t/2 · (1 + erf(t/√2))}. Hidden: y, x. */
  void biasGelu(Tensor y, Tensor x, Tensor b);

  /**
   * {@code dx = dy · (Φ(t) + t · φ(t))}, {@code t = x + b}; {@code dx} may be {@code dy}. Hidden:
   * dx, dy, x.
   */
  void biasGeluBackward(Tensor dx, Tensor dy, Tensor x, Tensor b);

  /** {@code y = tanh(x)}; in place. */
  void tanh(Tensor y, Tensor x);

  /** {@code dx = dy · (1 − y²)}; {@code dx} may be {@code dy}. */
  void tanhBackward(Tensor dx, Tensor dy, Tensor y);

  // ---- attention over packed sequences ----

  /** Elements of {@link #real()} that the two attention operations need as scratch. */
  long attentionScratch(int maxLength, int heads, int headSize);

  /**
   * For each sequence and head: {@code S = q·kᵀ/√D}, {@code P = softmax(S)}, {@code ctx =
   * dropout(P)·v}. The dropout word of P[i,j] in sequence b, head h has stream {@code streams[b]},
   * position i, column j and head h + 1. Where hidden states are of 16 bits so are the factors of
   * both products. Hidden: ctx, qkv.
   *
   * @param ctx [N,H]
   * @param lse [N,A], {@code log Σ_j exp S_ij}, for the backward
   * @param qkv [N,3H]: q, k and v side by side, heads of D = H/A columns within each
   */
  void attention(
      Tensor ctx,
      Tensor lse,
      Tensor scratch,
      Tensor qkv,
      Sequences sequences,
      int heads,
      float p,
      Key key);

  /**
   * With {@code P = exp(S − lse)} and M the dropout factor: {@code dv = (M∘P)ᵀ·dctx}, {@code dP =
   * M∘(dctx·vᵀ)}, {@code dS = P∘(dP − rowsum(dctx∘ctx))}, {@code dq = dS·k/√D}, {@code dk =
   * dSᵀ·q/√D}. Hidden: dqkv, dctx, ctx, qkv.
   */
  void attentionBackward(
      Tensor dqkv,
      Tensor scratch,
      Tensor dctx,
      Tensor ctx,
      Tensor lse,
      Tensor qkv,
      Sequences sequences,
      int heads,
      float p,
      Key key);

  // ---- losses, computed in fp32 or better; each example's loss and its gradient in one call ----

  /**
   * {@code loss[b] = −log softmax(logits[b])[labels[b]]}, {@code dLogits = scale · (softmax −
   * onehot)} unless null.
   *
   * @param loss [B,1]
   * @param labels I32 [B,1]
   */
  void crossEntropy(Tensor loss, Tensor dLogits, Tensor logits, Tensor labels, float scale);

  /**
   * {@code kl[b] = KL(p‖q) + KL(q‖p)}, p and q the softmax of the rows. Adds to {@code dP} and
   * {@code dQ} (each unless null): with {@code d = ln p − ln q}, {@code dP += scale · (p·(d −
   * KL(p‖q)) + p − q)} and {@code dQ += scale · (q·(−d − KL(q‖p)) + q − p)}.
   */
  void symmetricKl(Tensor kl, Tensor dP, Tensor dQ, Tensor pLogits, Tensor qLogits, float scale);

  /**
   * {@code loss[b] = (x[b] − target[b])²}, {@code dx = 2 · scale · (x − target)} unless null. All
   * are [B,1].
   */
  void squaredError(Tensor loss, Tensor dx, Tensor x, Tensor target, float scale);

  // ---- the update ----

  /** {@code Σ x²} in double; not finite if any element is not. */
  double sumOfSquares(Tensor x);

  /**
   * One AdamW step on tensors of one shape, {@code g' = gradientScale · g}:
   *
   * <pre>
   * m = beta1·m + (1 − beta1)·g'          v = beta2·v + (1 − beta2)·g'²
   * w = w − learningRate·weightDecay·w    (decoupled, before the move)
   * w = w − learningRate · (m/correction1) / (sqrt(v/correction2) + epsilon)
   * w = w − learningRate · sqrt(correction2)/correction1 · m / (sqrt(v) + epsilon)      if epsilonInside
   * </pre>
   */
  void adamw(Tensor w, Tensor m, Tensor v, Tensor g, AdamStep step);

  @Override
  void close();
}
