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
    int shift = misaligned ? kernels.real().bytes() : 0;
    long end = 0;
    for (Map.Entry<String, Trial.Spec> entry : specs.entrySet()) {
      Trial.Spec spec = entry.getValue();
      long start = (end + 2 * GUARD_BYTES - 1) / GUARD_BYTES * GUARD_BYTES + shift;
      guard(end, start);
      DType dtype = spec.ints() == null ? kernels.real() : DType.I32;
      Tensor tensor = new Tensor(slab, start, spec.rows(), spec.cols(), dtype);
      tensors.put(entry.getKey(), tensor);
      if (spec.ints() == null) {
        kernels.upload(tensor, spec.reals(), 0);
      } else {
        kernels.upload(tensor, spec.ints(), 0);
      }
      end = start + tensor.bytes();
    }
    guard(end, end + GUARD_BYTES);
  }

  private void guard(long from, long to) {
    int bytes = kernels.real().bytes();
    long start = (from + bytes - 1) / bytes * bytes;
    Tensor guard = new Tensor(slab, start, 1, (int) (to - start) / bytes, kernels.real());
    float[] words = new float[guard.cols()];
    Arrays.fill(words, Float.intBitsToFloat(GUARD));
    kernels.upload(guard, words, 0);
    guards.add(guard);
  }

  void checkGuards(String what) {
    List<String> names = new ArrayList<>(tensors.keySet());
    for (int g = 0; g < guards.size(); g++) {
      float[] words = new float[guards.get(g).cols()];
      kernels.download(words, 0, guards.get(g));
      for (float word : words) {
        String where = g == 0 ? "before " + names.get(0) : "behind " + names.get(g - 1);
        assertEquals(
            GUARD, Float.floatToRawIntBits(word), what + ": written out of bounds " + where);
      }
    }
  }

  @Override
  public Tensor get(String name) {
    return tensors.get(name);
  }

  float[] download(String name) {
    Tensor tensor = tensors.get(name);
    float[] values = new float[(int) tensor.elements()];
    kernels.download(values, 0, tensor);
    return values;
  }

  @Override
  public void close() {
    slab.close();
  }
}
