package io.holdfast.kernels.cpu;

import com.sun.management.OperatingSystemMXBean;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Slab;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** Native memory of this process, 64-byte aligned; large slabs ask for huge pages. */
final class CpuSlab implements Slab {

  private final long bytes;
  private long address;

  CpuSlab(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("slab of " + bytes + " bytes");
    }
    long machine =
        ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    this.bytes = bytes;
    this.address = bytes <= machine ? CpuNative.allocateAligned(Math.max(bytes, 1)) : 0;
    if (address == 0) {
      throw new HoldfastException(
          HoldfastException.Kind.OUT_OF_MEMORY,
          String.format(
              Locale.ROOT,
              "cannot allocate %d bytes (%.1f GiB) of memory; this machine has %.1f GiB: use a"
                  + " smaller batch, fewer tokens or gradient accumulation",
              bytes,
              bytes / 0x1p30,
              machine / 0x1p30));
    }
  }

  @Override
  public long address() {
    if (address == 0) {
      throw new IllegalStateException("slab of " + bytes + " bytes is closed");
    }
    return address;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    if (address != 0) {
      CpuNative.release(address);
      address = 0;
    }
  }
}
