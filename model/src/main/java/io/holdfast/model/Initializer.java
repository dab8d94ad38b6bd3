package io.holdfast.model;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Philox;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Fresh weights. Element (row, column) of a tensor is a function of the key, the tensor's name, row
 * and column alone, computed on the host: the same bits on every backend.
 *
 * <pre>
 * Hugging Face   weight ~ N(0, initializer_range²), bias 0, LayerNorm 1 and 0
 * fairseq head   weight and bias ~ U(−1/√in, 1/√in)
 * </pre>
 */
public final class Initializer {

  private Initializer() {}

  /** Draws a whole random model. */
  public static void all(Kernels kernels, ModelConfig config, Parameters weights, Key key) {
    for (ParameterLayout.Entry entry : weights.layout().entries()) {
      tensor(kernels, config, weights, entry, key);
    }
  }

  /** Draws one tensor. */
  public static void tensor(
      Kernels kernels,
      ModelConfig config,
      Parameters weights,
      ParameterLayout.Entry entry,
      Key key) {
    float[] values = new float[Math.toIntExact(entry.elements())];
    Key own = key.at(entry.name().hashCode());
    boolean fairseq =
        entry.isHead(config.layers()) && config.headInit() == ModelConfig.HeadInit.FAIRSEQ;
    if (fairseq) {
      uniform(values, entry, own, 1 / Math.sqrt(fanIn(weights.layout(), entry)));
    } else if (!entry.vector()) {
      normal(values, entry, own, config.initializerRange());
    } else if (entry.name().endsWith("LayerNorm.weight")) {
      Arrays.fill(values, 1f);
    }
    kernels.upload(weights.get(entry), values, 0);
  }

  private static int fanIn(ParameterLayout layout, ParameterLayout.Entry entry) {
    return entry.vector()
        ? layout.entry(entry.name().replaceFirst("bias$", "weight")).cols()
        : entry.cols();
  }

  private static void uniform(float[] values, ParameterLayout.Entry entry, Key key, double bound) {
    for (int i = 0; i < values.length; i++) {
      double u = unit(key, i / entry.cols(), i % entry.cols());
      values[i] = (float) (bound * (2 * u - 1));
    }
  }

  /** Box–Muller: two neighbouring columns are the cosine and the sine of one pair of uniforms. */
  static void normal(float[] values, ParameterLayout.Entry entry, Key key, double sd) {
    int cols = entry.cols();
    IntStream.range(0, entry.rows())
        .parallel()
        .forEach(
            row -> {
              for (int c = 0; c < cols; c += 2) {
                double radius = sd * StrictMath.sqrt(-2 * StrictMath.log(unit(key, row, c)));
                double angle = 2 * Math.PI * unit(key, row, c + 1);
                values[row * cols + c] = (float) (radius * StrictMath.cos(angle));
                if (c + 1 < cols) {
                  values[row * cols + c + 1] = (float) (radius * StrictMath.sin(angle));
                }
              }
            });
  }

  /** Uniform in (0, 1): the middle of one of 2^32 equal steps. */
  private static double unit(Key key, int row, int column) {
    int word = Philox.word(key, 0, row, column, 0);
    return (Integer.toUnsignedLong(word) + 0.5) * 0x1p-32;
  }
}
