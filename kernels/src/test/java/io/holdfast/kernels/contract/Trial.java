package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;

/**
 * One call of an operation on a backend and on the reference: declare its tensors, then {@link
 * #run} it. The backend's tensors lie between guard words; outputs begin as NaN; inputs must not
 * change; a second call on fresh tensors, aligned where the first were not (unless told not to),
 * must give the same bits.
 *
 * <p>The tolerance is that of a backward stable algorithm: the result may be off by what the exact
 * operation itself moves when its inputs are rounded, {@code |Δ|∞} for relative changes of one unit
 * roundoff u, plus one rounding of the result, times a constant and the root of the longest
 * dimension (roundings of a sum add up as a random walk): {@code (4 + √k) · (|Δ|∞ + u·|y|∞)}. An
 * element of a hidden state may be off by its rounding to that type too.
 */
final class Trial {

  interface Operation {
    void call(Kernels kernels, Tensors t);
  }

  enum Role {
    INPUT,
    OUTPUT,
    UPDATED,
    SCRATCH
  }

  /** One tensor: reals or ints, the other null. */
  record Spec(int rows, int cols, Role role, float[] reals, int[] ints, boolean hidden) {}

  private final Kernels kernels;
  private final String what;
  private final double roundoff;
  private final SplittableRandom random;
  private final Map<String, Spec> specs = new LinkedHashMap<>();
  private boolean misaligned;
  private boolean alignmentMatters;

  Trial(Kernels kernels, String what, double roundoff) {
    this.kernels = kernels;
    this.what = what;
    this.roundoff = roundoff;
    this.random = new SplittableRandom(what.hashCode());
  }

  /** Moves every tensor off its 64-byte boundary by one element. */
  Trial misaligned(boolean on) {
    misaligned = on;
    return this;
  }

  /** The second call is aligned as the first: bits may depend on it. */
  Trial alignmentMatters(boolean on) {
    alignmentMatters = on;
    return this;
  }

  /** Normal numbers that the operation reads. */
  Trial in(String name, int rows, int cols) {
    return put(name, rows, cols, Role.INPUT, normal(rows, cols));
  }

  Trial in(String name, int rows, int cols, double... values) {
    float[] rounded = new float[values.length];
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = (float) values[i];
    }
    return put(name, rows, cols, Role.INPUT, rounded);
  }

  Trial ints(String name, int rows, IntUnaryOperator value) {
    int[] values = new int[rows];
    Arrays.setAll(values, value);
    specs.put(name, new Spec(rows, 1, Role.INPUT, null, values, false));
    return this;
  }

  /** Streams and positions as of sequences of seven tokens. */
  Trial draws(int rows) {
    return ints("streams", rows, r -> 40 - r / 7).ints("positions", rows, r -> r % 7);
  }

  /** Overwritten: NaN before the call. */
  Trial out(String name, int rows, int cols) {
    float[] unset = new float[rows * cols];
    Arrays.fill(unset, Float.NaN);
    return put(name, rows, cols, Role.OUTPUT, unset);
  }

  /** Read and written: a sum that grows, or an operation in place. */
  Trial updated(String name, int rows, int cols) {
    return put(name, rows, cols, Role.UPDATED, normal(rows, cols));
  }

  Trial updated(String name, int rows, int cols, double... values) {
    in(name, rows, cols, values);
    Spec spec = specs.get(name);
    return put(name, rows, cols, Role.UPDATED, spec.reals);
  }

  Trial scratch(String name, long elements) {
    float[] unset = new float[Math.toIntExact(elements)];
    Arrays.fill(unset, Float.NaN);
    return put(name, 1, unset.length, Role.SCRATCH, unset);
  }

  /** Makes these tensors, where they are there, hidden states: of that type, and rounded to it. */
  Trial hidden(String... names) {
    for (String name : names) {
      Spec s = specs.get(name);
      if (s != null) {
        Rounding rounding = Rounding.to(kernels.hidden());
        float[] values = new float[s.reals.length];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) rounding.of(s.reals[i]);
        }
        specs.put(name, new Spec(s.rows, s.cols, s.role, values, null, true));
      }
    }
    return this;
  }

  private Trial put(String name, int rows, int cols, Role role, float[] values) {
    if (values.length != rows * cols) {
      throw new IllegalArgumentException(what + ": " + name + " has " + values.length + " values");
    }
    specs.put(name, new Spec(rows, cols, role, values, null, false));
    return this;
  }

  private float[] normal(int rows, int cols) {
    float[] values = new float[rows * cols];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** Calls the backend and compares with the reference. */
  void run(Operation operation) {
    Map<String, float[]> got = onBackend(operation);
    Map<String, double[]> exact = onReference(operation, 0);
    Map<String, Double> moves = new HashMap<>();
    for (int draw = 0; draw < (elements() < 1000 ? 8 : 2); draw++) {
      Map<String, double[]> moved = onReference(operation, roundoff);
      exact.forEach((name, y) -> moves.merge(name, distance(y, moved.get(name)), Math::max));
    }
    double factor = 4 + Math.sqrt(longestDimension());
    got.forEach(
        (name, values) -> {
          double[] y = exact.get(name);
          double size = distance(y, new double[y.length]);
          compare(name, values, y, factor * (moves.get(name) + roundoff * size));
        });
  }

  /** The outputs of the backend, after all checks that need no reference. */
  Map<String, float[]> onBackend(Operation operation) {
    Map<String, float[]> first = call(operation, misaligned);
    call(operation, misaligned == alignmentMatters)
        .forEach(
            (name, again) ->
                assertArrayEquals(
                    bits(first.get(name)), bits(again), what + ": second call, " + name));
    return first;
  }

  private Map<String, float[]> call(Operation operation, boolean offBoundary) {
    try (GuardedTensors tensors = new GuardedTensors(kernels, specs, offBoundary)) {
      operation.call(kernels, tensors);
      tensors.checkGuards(what);
      Map<String, float[]> outputs = new LinkedHashMap<>();
      specs.forEach(
          (name, spec) -> {
            if (spec.reals == null || spec.role == Role.SCRATCH) {
              return;
            }
            float[] values = tensors.download(name);
            if (spec.role == Role.INPUT) {
              assertArrayEquals(bits(spec.reals), bits(values), what + ": input changed, " + name);
            } else {
              outputs.put(name, values);
            }
          });
      return outputs;
    }
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToIntBits(values[i]);
    }
    return bits;
  }

  /** The outputs of the reference, each real input moved by a relative ±{@code shift}. */
  Map<String, double[]> onReference(Operation operation, double shift) {
    ReferenceKernels reference = new ReferenceKernels();
    Map<String, double[]> outputs = new LinkedHashMap<>();
    try (GuardedTensors tensors = new GuardedTensors(reference, specs, false)) {
      specs.forEach(
          (name, spec) -> {
            for (int i = 0; spec.reals != null && i < spec.reals.length; i++) {
              double factor = random.nextBoolean() ? 1 + shift : 1 - shift;
              reference.set(tensors.get(name), i, spec.reals[i] * factor);
            }
          });
      operation.call(reference, tensors);
      specs.forEach(
          (name, spec) -> {
            if (spec.role == Role.OUTPUT || spec.role == Role.UPDATED) {
              outputs.put(name, reference.toArray(tensors.get(name)));
            }
          });
    }
    return outputs;
  }

  private int elements() {
    return specs.values().stream().mapToInt(spec -> spec.rows * spec.cols).sum();
  }

  private int longestDimension() {
    return specs.values().stream()
        .mapToInt(s -> s.role == Role.SCRATCH ? 1 : Math.max(s.rows, s.cols))
        .max()
        .orElse(1);
  }

  /** The largest difference among the finite elements of a. */
  private static double distance(double[] a, double[] b) {
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      if (Double.isFinite(a[i])) {
        largest = Math.max(largest, Math.abs(a[i] - b[i]));
      }
    }
    return largest;
  }

  private void compare(String name, float[] got, double[] want, double tolerance) {
    Spec spec = specs.get(name);
    Rounding rounding = Rounding.to(spec.hidden ? kernels.hidden() : DType.F64);
    int worst = -1;
    double largest = -1;
    for (int i = 0; i < want.length; i++) {
      double error = Math.abs(got[i] - want[i]) - rounding.error(want[i]);
      if (Double.isNaN(want[i]) != Float.isNaN(got[i])) {
        error = Double.POSITIVE_INFINITY;
      }
      if (error > largest) {
        largest = error;
        worst = i;
      }
    }
    if (!(largest <= tolerance && tolerance < Double.POSITIVE_INFINITY)) {
      int cols = spec.cols;
      fail(
          what
              + ": "
              + name
              + "["
              + worst / cols
              + ", "
              + worst % cols
              + "] is "
              + got[worst]
              + ", expected "
              + want[worst]
              + ": off by "
              + largest
              + ", tolerance "
              + tolerance);
    }
  }
}
