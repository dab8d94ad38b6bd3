package io.holdfast.kernels.cuda;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Slab;
import java.util.Locale;

/** Memory of a device. */
final class CudaSlab implements Slab {

  private final CudaDevice device;
  private final long bytes;
  private long address;

  CudaSlab(CudaDevice device, long bytes) {
    this.device = device;
    this.bytes = bytes;
    this.address = device.allocate(Math.max(bytes, 1));
    if (address == 0) {
      throw new HoldfastException(
          HoldfastException.Kind.OUT_OF_MEMORY,
          String.format(
              Locale.ROOT,
              "cannot allocate %d bytes (%.1f GiB) of device memory; the device has %.1f GiB: use a"
                  + " smaller batch, fewer tokens or gradient accumulation",
              bytes,
              bytes / 0x1p30,
              device.memory() / 0x1p30));
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
      device.release(address);
      address = 0;
    }
  }
}
