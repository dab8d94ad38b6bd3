package io.holdfast.kernels.reference;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory of {@link ReferenceKernels}: a heap array under a made-up address. Every bit of a new slab
 * is set, so that a real number read before it was written is NaN and an index −1.
 */
final class HostSlab implements Slab {

  private static final AtomicLong NEXT_ADDRESS = new AtomicLong(4096);

  private final long address;
  private final long size;
  private ByteBuffer buffer;

  HostSlab(long size) {
    if (size > Integer.MAX_VALUE - 64) {
      throw new HoldfastException(
          HoldfastException.Kind.OUT_OF_MEMORY, "the reference cannot hold " + size + " bytes");
    }
    byte[] bytes = new byte[(int) size];
    Arrays.fill(bytes, (byte) 0xFF);
    this.buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    this.size = size;
    this.address = NEXT_ADDRESS.getAndAdd((size + 4095) / 4096 * 4096);
  }

  @Override
  public long address() {
    open();
    return address;
  }

  @Override
  public long bytes() {
    return size;
  }

  @Override
  public void close() {
    buffer = null;
  }

  private ByteBuffer open() {
    if (buffer == null) {
      throw new IllegalStateException("slab of " + size + " bytes is closed");
    }
    return buffer;
  }

  static double get(Tensor t, long i) {
    return buffer(t, DType.F64).getDouble(place(t, i));
  }

  static void set(Tensor t, long i, double value) {
    buffer(t, DType.F64).putDouble(place(t, i), value);
  }

  static int getInt(Tensor t, long i) {
    return buffer(t, DType.I32).getInt(place(t, i));
  }

  static void setInt(Tensor t, long i, int value) {
    buffer(t, DType.I32).putInt(place(t, i), value);
  }

  static double at(Tensor t, int row, int col) {
    return get(t, (long) row * t.cols() + col);
  }

  static void put(Tensor t, int row, int col, double value) {
    set(t, (long) row * t.cols() + col, value);
  }

  static void add(Tensor t, int row, int col, double value) {
    put(t, row, col, at(t, row, col) + value);
  }

  private static ByteBuffer buffer(Tensor t, DType wanted) {
    if (t.dtype() != wanted) {
      throw new IllegalArgumentException(
          t.shape() + " " + t.dtype() + " where " + wanted + " goes");
    }
    return ((HostSlab) t.slab()).open();
  }

  private static int place(Tensor t, long i) {
    if (i < 0 || i >= t.elements()) {
      throw new IndexOutOfBoundsException("element " + i + " of " + t.shape());
    }
    return (int) (t.offset() + i * t.dtype().bytes());
  }
}
