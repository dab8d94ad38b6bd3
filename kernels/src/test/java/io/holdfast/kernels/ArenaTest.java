package io.holdfast.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.none.NullKernels;
import org.junit.jupiter.api.Test;

class ArenaTest {

  private final Kernels kernels = new NullKernels().kernels();

  @Test
  void alignsEveryTensorTo64Bytes() {
    try (Arena arena = new Arena(kernels, 1 << 20)) {
      long end = 0;
      for (int cols : new int[] {1, 16, 17, 0, 31, 100}) {
        Tensor t = arena.take(DType.F32, 3, cols);
        assertEquals(0, t.address() % 64);
        assertEquals(end, t.offset());
        end += (12L * cols + 63) / 64 * 64;
        assertEquals(end, arena.used());
      }
    }
  }

  @Test
  void scopesGiveBackWhatWasTakenSinceTheyOpened() {
    try (Arena arena = new Arena(kernels, 1024)) {
      arena.take(DType.F32, 1, 16);
      try (Arena.Scope outer = arena.open()) {
        Tensor first = arena.take(DType.F32, 2, 16);
        try (Arena.Scope inner = arena.open()) {
          arena.take(DType.F32, 5, 16);
          assertEquals(512, arena.used());
        }
        assertEquals(192, arena.used());
        assertEquals(first.offset() + 128, arena.take(DType.I32, 1, 1).offset());
      }
      assertEquals(64, arena.used());
      assertEquals(512, arena.highWater());
      assertEquals(1024, arena.capacity());
    }
  }

  @Test
  void scopesCloseLastInFirstOut() {
    try (Arena arena = new Arena(kernels, 1024)) {
      Arena.Scope outer = arena.open();
      Arena.Scope inner = arena.open();
      assertThrows(IllegalStateException.class, outer::close);
      inner.close();
      outer.close();
      assertThrows(IllegalStateException.class, outer::close);
    }
  }

  @Test
  void saysWhatDidNotFit() {
    try (Arena arena = new Arena(kernels, 1000)) {
      arena.take(DType.F32, 10, 20);
      HoldfastException e =
          assertThrows(HoldfastException.class, () -> arena.take(DType.F32, 3, 20));
      assertEquals(HoldfastException.Kind.OUT_OF_MEMORY, e.kind());
      for (String part : new String[] {"1000 bytes", "832 in use", "[3, 20] F32"}) {
        assertTrue(e.getMessage().contains(part), e.getMessage());
      }
      assertEquals(832, arena.used(), "a refusal takes nothing");
    }
  }

  @Test
  void sizesBeyondTwoGigabytesDoNotOverflow() {
    try (Arena arena = new Arena(kernels, 1L << 60)) {
      Tensor t = arena.take(DType.F32, 1 << 20, 1 << 20);
      assertEquals(1L << 42, t.bytes());
      assertEquals(1L << 42, arena.highWater());
      assertEquals(t.address() + (1L << 41), t.rows(1 << 19, 1 << 20).address());
    }
  }

  @Test
  void closingReleasesTheSlab() {
    Arena arena = new Arena(kernels, 64);
    Tensor t = arena.take(DType.F32, 1, 1);
    arena.close();
    assertThrows(IllegalStateException.class, t::address);
  }
}
