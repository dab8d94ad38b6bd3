package io.holdfast.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.CheckedKernels;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.contract.KernelsContract;
import org.bytedeco.dnnl.global.dnnl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The CPU backend keeps the contract, alone and with workers. */
class CpuKernelsTest {

  /** (2e18)² · 384 is beyond fp32, in which rstd would be 0 and y = beta. */
  @Test
  void aRowTooLargeToSquareDoesNotLookFinite() {
    int cols = 384;
    float[] values = new float[cols];
    for (int i = 0; i < cols; i++) {
      values[i] = i % 2 == 0 ? 2e18f : -2e18f;
    }
    try (Kernels k = Backends.open("cpu", 1, Precision.FP32);
        Arena arena = new Arena(k, 1 << 16)) {
      Tensor x = arena.take(DType.F32, 1, cols);
      Tensor y = arena.take(DType.F32, 1, cols);
      Tensor gamma = arena.take(DType.F32, 1, cols);
      k.upload(x, values, 0);
      k.copy(gamma, x);
      k.layerNorm(
          y, arena.take(DType.F32, 1, 1), arena.take(DType.F32, 1, 1), x, gamma, gamma, 1e-5f);
      k.download(values, 0, y);
    }
    for (float value : values) {
      assertTrue(Float.isNaN(value), "not " + value);
    }
  }

  @Nested
  class OneThread extends KernelsContract {
    @Override
    protected Kernels open() {
      return Backends.open("cpu", 1, Precision.FP32);
    }
  }

  @Nested
  class ThreeThreads extends KernelsContract {
    @Override
    protected Kernels open() {
      return Backends.open("cpu", 3, Precision.FP32);
    }
  }

  /** Factors of matrix products are rounded to bfloat16 where the processor can multiply them. */
  @Nested
  class BfloatProducts extends KernelsContract {
    @Override
    protected Kernels open() {
      return Backends.open("cpu", 2, Precision.BF16_GEMM);
    }

    @Override
    public double productRoundoff() {
      return 0x1p-9;
    }
  }

  /** oneDNN's mode itself, which may round factors wherever the processor multiplies bfloat16. */
  @Nested
  class OneDnnProducts extends KernelsContract {
    @Override
    protected Kernels open() {
      return new CheckedKernels(new CpuKernels(2, true));
    }

    @Override
    public double productRoundoff() {
      int isa = dnnl.dnnl_get_effective_cpu_isa();
      int bf16 = dnnl.dnnl_cpu_isa_avx512_core_bf16; // AMX includes it
      return (isa & bf16) == bf16 ? 0x1p-9 : roundoff();
    }
  }

  /** The code for processors without AVX2. */
  @Nested
  class AnyProcessor extends KernelsContract {
    @Override
    protected Kernels open() {
      CpuNative.useAnyProcessor(true);
      return Backends.open("cpu", 1, Precision.FP32);
    }

    @AfterEach
    void restore() {
      CpuNative.useAnyProcessor(false);
    }
  }
}
