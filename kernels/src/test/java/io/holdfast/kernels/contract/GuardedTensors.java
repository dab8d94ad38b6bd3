package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Tensors in one slab, guard words before, between and after them. The guards are NaN, so that a
 * result shows what was read out of bounds.
 */
final class GuardedTensors implements Tensors, AutoCloseable {

  private static final int GUARD_BYTES = 64;
  private static final int GUARD = 0x7fc0_ce60; // a NaN that no arithmetic makes

  private static final int NAN = Float.floatToIntBits(Float.NaN);

  private final Kernels kernels;
  private final Slab slab;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final List<Tensor> guards = new ArrayList<>();

  GuardedTensors(Kernels kernels, Map<String, Trial.Spec> specs, boolean misaligned) {
    this.kernels = kernels;
    long size = GUARD_BYTES;
    for (Trial.Spec spec : specs.values()) {
      size += (long) spec.rows() * spec.cols() * DType.F64.bytes() + 4 * GUARD_BYTES;
    }
    this.slab = kernels.allocate(size);
    long end = 0;
    for (Map.Entry<String, Trial.Spec> entry : specs.entrySet()) {
      Trial.Spec spec = entry.getValue();
      DType dtype =
          spec.ints() != null ? DType.I32 : spec.hidden() ? kernels.hidden() : kernels.real();
      long start = (end + 2 * GUARD_BYTES - 1) / GUARD_BYTES * GUARD_BYTES;
      start += misaligned ? dtype.bytes() : 0;
      guard(end, start);
      Tensor tensor = new Tensor(slab, start, spec.rows(), spec.cols(), dtype);
      tensors.put(entry.getKey(), tensor);
      if (spec.ints() == null) {
        upload(tensor, spec.reals());
      } else {
        kernels.upload(tensor, spec.ints(), 0);
      }
      end = start + tensor.bytes();
    }
    guard(end, end + GUARD_BYTES);
  }

  private void guard(long from, long to) {
    int bytes = kernels.hidden().bytes(); // the smaller type: no byte is left out
    long start = (from + bytes - 1) / bytes * bytes;
    Tensor guard = new Tensor(slab, start, 1, (int) (to - start) / bytes, kernels.hidden());
    float[] words = new float[guard.cols()];
    Arrays.fill(words, Float.intBitsToFloat(GUARD));
    upload(guard, words);
    guards.add(guard);
  }

  void checkGuards(String what) {
    List<String> names = new ArrayList<>(tensors.keySet());
    for (int g = 0; g < guards.size(); g++) {
      int expected = kernels.hidden() == kernels.real() ? GUARD : NAN; // rounding makes it plain
      for (float word : download(guards.get(g))) {
        int bits = expected == GUARD ? Float.floatToRawIntBits(word) : Float.floatToIntBits(word);
        String where = g == 0 ? "before " + names.get(0) : "behind " + names.get(g - 1);
        assertEquals(expected, bits, what + ": written out of bounds " + where);
      }
    }
  }

  @Override
  public Tensor get(String name) {
    return tensors.get(name);
  }

  float[] download(String name) {
    return download(tensors.get(name));
  }

  private void upload(Tensor to, float[] values) {
    if (to.dtype() == kernels.real()) {
      kernels.upload(to, values, 0);
      return;
    }
    try (Slab reals = kernels.allocate((long) values.length * kernels.real().bytes())) {
      Tensor copy = new Tensor(reals, 0, to.rows(), to.cols(), kernels.real());
      kernels.upload(copy, values, 0);
      kernels.convert(to, copy);
    }
  }

  private float[] download(Tensor from) {
    float[] values = new float[(int) from.elements()];
    if (from.dtype() == kernels.real()) {
      kernels.download(values, 0, from);
      return values;
    }
    try (Slab reals = kernels.allocate((long) values.length * kernels.real().bytes())) {
      Tensor copy = new Tensor(reals, 0, from.rows(), from.cols(), kernels.real());
      kernels.convert(copy, from);
      kernels.download(values, 0, copy);
    }
    return values;
  }

  @Override
  public void close() {
    slab.close();
  }
}
