package io.holdfast.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.Test;

class CpuNativeTest {

  @Test
  void multipliesRowMajor() {
    try (FloatPointer a = new FloatPointer(1f, 2f, 3f, 4f);
        FloatPointer b = new FloatPointer(5f, 6f, 7f, 8f);
        FloatPointer c = new FloatPointer(4)) {
      CpuNative.sgemm(false, false, 2, 2, 2, a.address(), 2, b.address(), 2, 0f, c.address(), 2);
      float[] got = new float[4];
      c.get(got);
      assertArrayEquals(new float[] {19, 22, 43, 50}, got);
    }
  }
}
