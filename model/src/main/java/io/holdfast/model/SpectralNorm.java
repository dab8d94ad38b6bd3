package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Spectral normalisation of a head (Miyato et al., "Spectral Normalization for Generative
 * Adversarial Networks", ICLR 2018): in place of a matrix W [O,I] the head computes with
 *
 * <pre>
 * W / sigma   or   W / max(1, sigma)          sigma = uᵀ·W·v
 * </pre>
 *
 * where u and v follow the first singular vectors of W by power iteration and are constants to the
 * backward. W itself is what is trained and what decays. Without matrices it changes nothing.
 */
public final class SpectralNorm {

  static final SpectralNorm NONE = new SpectralNorm(null, Mode.EQUAL);

  /** Which matrices of a head. */
  public enum Scope {
    /** The projection onto the logits. */
    OUT_PROJ,
    /** That and the dense layer below it. */
    HEAD
  }

  /** What the largest singular value becomes. */
  public enum Mode {
    /** 1: small matrices are scaled up. */
    EQUAL,
    /** 1 if it was above. */
    AT_MOST
  }

  /**
   * @param u [1,O]
   * @param v [1,I]
   * @param sigma [1,1]
   * @param effective [O,I], in place of W
   */
  private record Matrix(String name, Tensor u, Tensor v, Tensor sigma, Tensor effective) {}

  private final Parameters vectors;
  private final boolean atMostOne;

  /** By W. */
  private final Map<Tensor, Matrix> matrices = new LinkedHashMap<>();

  private SpectralNorm(Parameters vectors, Mode mode) {
    this.vectors = vectors;
    this.atMostOne = mode == Mode.AT_MOST;
  }

  /** Normalises the head of {@code model} from now on; takes its memory from {@code arena}. */
  public static SpectralNorm attach(
      SequenceClassifier model, Kernels kernels, Arena arena, Scope scope, Mode mode) {
    ParameterLayout layout = model.weights().layout();
    List<String> all = Head.matrices(model.config());
    List<String> names = scope == Scope.HEAD ? all : all.subList(1, 2);
    Map<String, int[]> shapes = new LinkedHashMap<>();
    for (String name : names) {
      shapes.put(name + "_u", new int[] {layout.entry(name).rows()});
      shapes.put(name + "_v", new int[] {layout.entry(name).cols()});
    }
    Parameters vectors = new Parameters(ParameterLayout.of(shapes), arena, kernels.real());
    SpectralNorm norm = new SpectralNorm(vectors, mode);
    for (String name : names) {
      Tensor w = model.weights().get(name);
      Tensor effective = arena.take(kernels.real(), w.rows(), w.cols());
      Tensor sigma = arena.take(kernels.real(), 1, 1);
      Tensor u = vectors.get(name + "_u");
      Tensor v = vectors.get(name + "_v");
      norm.matrices.put(w, new Matrix(name, u, v, sigma, effective));
    }
    model.normaliseHead(norm);
    return norm;
  }

  /** u and v of each matrix, as NAME_u and NAME_v: all that has to be saved of this. */
  public Parameters vectors() {
    return vectors;
  }

  /** Draws u and v: N(0, 1), then of length 1. */
  public void draw(Kernels kernels, Key key) {
    for (ParameterLayout.Entry entry : vectors.layout().entries()) {
      float[] values = new float[entry.cols()];
      Initializer.normal(values, entry, key.at(entry.name().hashCode()), 1);
      double squares = 0;
      for (float value : values) {
        squares += (double) value * value;
      }
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (values[i] / Math.sqrt(squares));
      }
      kernels.upload(vectors.get(entry), values, 0);
    }
  }

  /** {@code count} steps of the power iteration with the weights as they are. */
  public void iterate(Kernels kernels, int count) {
    matrices.forEach(
        (w, m) -> kernels.spectralNorm(m.effective, m.sigma, m.u, m.v, w, count, atMostOne));
  }

  /**
   * Throws (kind DIVERGED), with the matrix, where the last iteration found a sigma of 0, which
   * also takes the direction from u and v for good. One that is not finite shows in the logits.
   */
  public void check(Kernels kernels) {
    float[] sigma = new float[1];
    for (Matrix m : matrices.values()) {
      kernels.download(sigma, 0, m.sigma);
      if (sigma[0] == 0) {
        throw new HoldfastException(
            HoldfastException.Kind.DIVERGED,
            m.name
                + ": its largest singular value is 0, so it cannot be normalised; start from a model"
                + " whose head is not all zeros");
      }
    }
  }

  /** Writes the normalised matrices over the weights. */
  void fold(Kernels kernels) {
    matrices.forEach((w, m) -> kernels.spectralNorm(w, m.sigma, m.u, m.v, w, 0, atMostOne));
  }

  /** What the head computes with in place of {@code w}, as of the last iteration. */
  Tensor effective(Tensor w) {
    Matrix m = matrices.get(w);
    return m == null ? w : m.effective;
  }

  /** {@link Kernels#linearBackwardWeight} of a layer with {@link #effective} weights. */
  void linearBackwardWeight(Pass pass, Tensor w, Tensor dw, Tensor db, Tensor dy, Tensor x) {
    Kernels k = pass.kernels();
    Matrix m = matrices.get(w);
    if (m == null) {
      k.linearBackwardWeight(dw, db, dy, x);
      return;
    }
    try (Arena.Scope scratch = pass.arena().open()) {
      Tensor gradient = pass.take(w.rows(), w.cols());
      k.zero(gradient);
      k.linearBackwardWeight(gradient, db, dy, x);
      k.spectralNormBackward(dw, gradient, m.effective, m.sigma, m.u, m.v, atMostOne);
    }
  }
}
