package io.holdfast.kernels;

import java.util.Locale;

/** Memory at an address, which is given back when the slab is closed. */
public abstract class AddressedSlab implements Slab {

  private final long bytes;
  private long address;

  /**
   * Throws (kind OUT_OF_MEMORY) where the address is 0.
   *
   * @param what the memory is and how much there is: "of memory; this machine has"
   * @param total bytes that there are in all
   */
  protected AddressedSlab(long bytes, long address, String what, long total) {
    this.bytes = bytes;
    this.address = address;
    if (address == 0) {
      throw new HoldfastException(
          HoldfastException.Kind.OUT_OF_MEMORY,
          String.format(
              Locale.ROOT,
              "cannot allocate %d bytes (%.1f GiB) %s %.1f GiB: use a smaller batch, fewer tokens"
                  + " or gradient accumulation",
              bytes,
              bytes / 0x1p30,
              what,
              total / 0x1p30));
    }
  }

  /** Gives back what lies at the address; called once. */
  protected abstract void release(long start);

  @Override
  public final long address() {
    if (address == 0) {
      throw new IllegalStateException("slab of " + bytes + " bytes is closed");
    }
    return address;
  }

  @Override
  public final long bytes() {
    return bytes;
  }

  @Override
  public final void close() {
    if (address != 0) {
      release(address);
      address = 0;
    }
  }
}
