package io.holdfast.kernels;

/**
 * One native allocation of a backend. Closing it twice is harmless; using it afterwards is an
 * error.
 */
public interface Slab extends AutoCloseable {

  /**
   * Address of the first byte in the backend's memory, 64-byte aligned. Throws after {@link
   * #close()}.
   */
  long address();

  long bytes();

  @Override
  void close();
}
