package io.holdfast.kernels.reference;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Tensor;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.function.IntUnaryOperator;

/** Tensors of one gradient test, and the comparison with central differences. */
final class GradientCheck {

  private static final double TOLERANCE = 1e-6;
  private static final int ELEMENTS = 24; // compared per tensor, at random

  final ReferenceKernels kernels = new ReferenceKernels();
  final Key key;
  private final Arena arena = new Arena(kernels, 1 << 22);
  private final SplittableRandom random;

  GradientCheck(long seed) {
    this.random = new SplittableRandom(seed);
    this.key = Key.of(seed);
  }

  /** Unset, that is NaN. */
  Tensor output(int rows, int cols) {
    return arena.take(DType.F64, rows, cols);
  }

  Tensor normal(int rows, int cols) {
    Tensor t = output(rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      kernels.set(t, i, random.nextGaussian());
    }
    return t;
  }

  Tensor ones(int rows) {
    Tensor t = output(rows, 1);
    for (int i = 0; i < rows; i++) {
      kernels.set(t, i, 1);
    }
    return t;
  }

  Tensor ints(int rows, IntUnaryOperator value) {
    Tensor t = arena.take(DType.I32, rows, 1);
    for (int i = 0; i < rows; i++) {
      HostSlab.setInt(t, i, value.applyAsInt(i));
    }
    return t;
  }

  Tensor indices(int rows, int bound) {
    return ints(rows, i -> random.nextInt(bound));
  }

  Rows rows(int n) {
    return new Rows(ints(n, i -> 1000 + i / 3), ints(n, i -> i % 3));
  }

  double dot(Tensor a, Tensor b) {
    double sum = 0;
    for (long i = 0; i < a.elements(); i++) {
      sum += kernels.get(a, i) * kernels.get(b, i);
    }
    return sum;
  }

  /** {@code gradient} is what a backward wrote for {@code x}. */
  void overwritten(String name, Tensor x, Tensor gradient, DoubleSupplier loss) {
    added(name, x, gradient, new double[(int) gradient.elements()], loss);
  }

  /** {@code gradient} held {@code before} when a backward added to it. */
  void added(String name, Tensor x, Tensor gradient, double[] before, DoubleSupplier loss) {
    double largest = 0;
    for (int i = 0; i < before.length; i++) {
      largest = Math.max(largest, Math.abs(kernels.get(gradient, i) - before[i]));
    }
    for (int n = 0; n < Math.min(ELEMENTS, before.length); n++) {
      int i = before.length <= ELEMENTS ? n : random.nextInt(before.length);
      double analytic = kernels.get(gradient, i) - before[i];
      double numeric = centralDifference(x, i, loss);
      double scale = Math.max(Math.abs(analytic), Math.max(0.01 * largest, 1e-3));
      double error = Math.abs(analytic - numeric) / scale;
      assertTrue(
          error <= TOLERANCE,
          () -> name + x.shape() + "[" + i + "]: " + analytic + ", by differences " + numeric);
    }
  }

  private double centralDifference(Tensor x, int i, DoubleSupplier loss) {
    double at = kernels.get(x, i);
    double h = 1e-5 * Math.max(1, Math.abs(at));
    kernels.set(x, i, at + h);
    double above = loss.getAsDouble();
    kernels.set(x, i, at - h);
    double below = loss.getAsDouble();
    kernels.set(x, i, at);
    return (above - below) / (2 * h);
  }
}
