package io.holdfast.kernels.cpu;

import com.sun.management.OperatingSystemMXBean;
import io.holdfast.kernels.AddressedSlab;
import java.lang.management.ManagementFactory;

/** Native memory of this process, 64-byte aligned; large slabs ask for huge pages. */
final class CpuSlab extends AddressedSlab {

  CpuSlab(long bytes) {
    super(bytes, allocate(bytes), "of memory; this machine has", machine());
  }

  private static long allocate(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("slab of " + bytes + " bytes");
    }
    return bytes <= machine() ? CpuNative.allocateAligned(Math.max(bytes, 1)) : 0;
  }

  private static long machine() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getTotalMemorySize();
  }

  @Override
  protected void release(long start) {
    CpuNative.release(start);
  }
}
