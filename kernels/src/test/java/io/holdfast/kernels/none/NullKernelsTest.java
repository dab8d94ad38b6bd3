package io.holdfast.kernels.none;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;
import org.junit.jupiter.api.Test;

class NullKernelsTest {

  @Test
  void countsCallsAndBytes() {
    NullKernels none = new NullKernels();
    Kernels kernels = none.kernels();
    try (Arena arena = new Arena(kernels, 1 << 20)) {
      Tensor y = arena.take(DType.F32, 5, 7);
      Tensor x = arena.take(DType.F32, 5, 3);
      Tensor w = arena.take(DType.F32, 7, 3);
      Tensor b = arena.take(DType.F32, 1, 7);
      kernels.linear(y, x, w, b);
      kernels.linear(y, x, w, null);
      kernels.zero(y);
    }
    long perCall = 4 * (35 + 15 + 21);
    assertEquals(new NullKernels.Count(2, 2 * perCall + 28), none.counts().get("linear"));
    assertEquals(new NullKernels.Count(1, 140), none.counts().get("zero"));
    assertEquals(2, none.counts().size());
    assertEquals(0, none.calls("gather"));
  }

  @Test
  void slabsOfAnySizeLieApart() {
    Kernels kernels = new NullKernels().kernels();
    Slab a = kernels.allocate(1L << 60);
    Slab b = kernels.allocate(1);
    Slab c = kernels.allocate(1L << 60);
    assertTrue(b.address() >= a.address() + a.bytes());
    assertTrue(c.address() >= b.address() + b.bytes());
    a.close();
    a.close();
    assertThrows(IllegalStateException.class, a::address);
  }

  @Test
  void downloadsZeros() {
    Kernels kernels = new NullKernels().kernels();
    float[] values = {1, 2, 3, 4};
    try (Slab slab = kernels.allocate(64)) {
      kernels.download(values, 1, new Tensor(slab, 0, 1, 2, DType.F32));
    }
    assertArrayEquals(new float[] {1, 0, 0, 4}, values);
  }

  @Test
  void takesTypeAndScratchFromTheBackendItPlansFor() {
    assertEquals(DType.F32, new NullKernels().kernels().real());
    assertEquals(DType.BF16, new NullKernels(DType.BF16).kernels().real());
    Kernels planner = new NullKernels(new ReferenceKernels()).kernels();
    assertEquals(DType.F64, planner.real());
    Kernels cpu = Backends.open("null", 2, Precision.FP32);
    assertEquals(
        cpu.attentionScratch(128, 12, 64),
        new NullKernels(cpu).kernels().attentionScratch(128, 12, 64));
  }

  @Test
  void opensByName() {
    Kernels none = Backends.open("null", 1, Precision.FP32);
    assertEquals("null", none.name());
    assertEquals("", none.note());
    HoldfastException e =
        assertThrows(HoldfastException.class, () -> Backends.open("quantum", 1, Precision.FP32));
    assertEquals(HoldfastException.Kind.BACKEND, e.kind());
    assertTrue(e.getMessage().contains("'quantum'"), e.getMessage());
  }
}
