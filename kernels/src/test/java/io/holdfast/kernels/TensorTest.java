package io.holdfast.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.holdfast.kernels.none.NullKernels;
import org.junit.jupiter.api.Test;

class TensorTest {

  private final Slab slab = new NullKernels().kernels().allocate(256);

  @Test
  void countsElementsAndBytes() {
    Tensor t = new Tensor(slab, 16, 3, 5, DType.BF16);
    assertEquals(15, t.elements());
    assertEquals(30, t.bytes());
    assertEquals(slab.address() + 16, t.address());
    assertEquals("[3, 5]", t.shape());
  }

  @Test
  void staysInItsSlab() {
    assertEquals(256, new Tensor(slab, 0, 8, 8, DType.F32).bytes());
    assertThrows(IllegalArgumentException.class, () -> new Tensor(slab, 4, 8, 8, DType.F32));
    assertThrows(IllegalArgumentException.class, () -> new Tensor(slab, -4, 1, 1, DType.F32));
    assertThrows(IllegalArgumentException.class, () -> new Tensor(slab, 0, -1, 1, DType.F32));
    assertThrows(
        IllegalArgumentException.class, () -> new Tensor(slab, 0, 1 << 30, 1 << 30, DType.F32));
    assertEquals(0, new Tensor(slab, 256, 0, 99, DType.F32).elements());
  }

  @Test
  void viewsRows() {
    Tensor t = new Tensor(slab, 8, 6, 5, DType.F32);
    assertEquals(new Tensor(slab, 8 + 2 * 20, 3, 5, DType.F32), t.rows(2, 5));
    assertEquals(0, t.rows(6, 6).elements());
    assertThrows(IndexOutOfBoundsException.class, () -> t.rows(-1, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> t.rows(3, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> t.rows(0, 7));
  }

  @Test
  void reshapesWhatKeepsItsSize() {
    Tensor t = new Tensor(slab, 8, 6, 5, DType.F32);
    assertEquals(new Tensor(slab, 8, 2, 15, DType.F32), t.reshape(2, 15));
    assertThrows(IllegalArgumentException.class, () -> t.reshape(2, 14));
  }
}
