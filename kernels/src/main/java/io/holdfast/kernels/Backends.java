package io.holdfast.kernels;

import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.cuda.CudaKernels;
import io.holdfast.kernels.none.NullKernels;

/** The only place where a backend is named. */
public final class Backends {

  private Backends() {}

  /**
   * Opens a backend behind {@link CheckedKernels}, or says in one line why not (kind BACKEND).
   *
   * @param threads worker threads of the host, the caller included
   */
  public static Kernels open(String name, int threads, Precision precision) {
    return new CheckedKernels(bare(name, threads, precision));
  }

  private static Kernels bare(String name, int threads, Precision precision) {
    if (name.equals("cpu")) {
      return new CpuKernels(threads, precision);
    }
    if (name.equals("cuda")) {
      return new CudaKernels(precision);
    }
    if (name.equals("null")) {
      return new NullKernels().kernels();
    }
    throw new HoldfastException(
        HoldfastException.Kind.BACKEND,
        "no backend named '" + name + "': use cpu or cuda (or null, which computes nothing)");
  }
}
