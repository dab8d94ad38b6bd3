package io.holdfast.kernels.cuda;

import io.holdfast.kernels.AddressedSlab;

/** Memory of a device. */
final class CudaSlab extends AddressedSlab {

  private final CudaDevice device;

  CudaSlab(CudaDevice device, long bytes) {
    super(
        bytes,
        device.allocate(Math.max(bytes, 1)),
        "of device memory; the device has",
        device.memory());
    this.device = device;
  }

  @Override
  protected void release(long start) {
    device.release(start);
  }
}
