package io.holdfast.kernels.reference;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;

/** The part of {@link ReferenceKernels} that moves numbers. */
abstract class ReferenceMemory implements Kernels {

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public DType real() {
    return DType.F64;
  }

  @Override
  public Slab allocate(long bytes) {
    return new HostSlab(bytes);
  }

  /** Element i, row-major, in full precision. */
  public double get(Tensor t, long i) {
    return HostSlab.get(t, i);
  }

  public void set(Tensor t, long i, double value) {
    HostSlab.set(t, i, value);
  }

  public double[] toArray(Tensor t) {
    double[] all = new double[Math.toIntExact(t.elements())];
    for (int i = 0; i < all.length; i++) {
      all[i] = get(t, i);
    }
    return all;
  }

  /** All elements of {@code t}, row-major. */
  public void fill(Tensor t, double... values) {
    if (values.length != t.elements()) {
      throw new IllegalArgumentException(values.length + " values for " + t.shape());
    }
    for (int i = 0; i < values.length; i++) {
      set(t, i, values[i]);
    }
  }

  @Override
  public void upload(Tensor dst, float[] src, int from) {
    for (int i = 0; i < dst.elements(); i++) {
      set(dst, i, src[from + i]);
    }
  }

  @Override
  public void upload(Tensor dst, int[] src, int from) {
    for (int i = 0; i < dst.elements(); i++) {
      HostSlab.setInt(dst, i, src[from + i]);
    }
  }

  @Override
  public void download(float[] dst, int from, Tensor src) {
    for (int i = 0; i < src.elements(); i++) {
      dst[from + i] = (float) get(src, i);
    }
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    for (long i = 0; i < dst.elements(); i++) {
      if (dst.dtype() == DType.I32) {
        HostSlab.setInt(dst, i, HostSlab.getInt(src, i));
      } else {
        set(dst, i, get(src, i));
      }
    }
  }

  @Override
  public void zero(Tensor x) {
    for (long i = 0; i < x.elements(); i++) {
      if (x.dtype() == DType.I32) {
        HostSlab.setInt(x, i, 0);
      } else {
        set(x, i, 0);
      }
    }
  }

  @Override
  public void axpby(Tensor y, float a, Tensor x, float b) {
    for (long i = 0; i < y.elements(); i++) {
      set(y, i, a * get(x, i) + b * get(y, i));
    }
  }

  @Override
  public void close() {}
}
