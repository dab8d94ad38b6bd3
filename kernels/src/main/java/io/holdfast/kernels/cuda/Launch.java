package io.holdfast.kernels.cuda;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Tensor;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * The arguments of a launch, in the order of the kernel's parameters. One object serves all
 * launches of a device.
 */
final class Launch {

  private static final int MOST = 24;

  /** Kernels number their threads in 32 bits. */
  private static final long MOST_THREADS = 1L << 32;

  private final CudaDevice device;
  private final LongPointer values = new LongPointer(MOST);
  private final PointerPointer<LongPointer> addresses = new PointerPointer<>(MOST);
  private final StringBuilder signature = new StringBuilder(MOST);
  private String kernel;

  Launch(CudaDevice device) {
    this.device = device;
    for (int i = 0; i < MOST; i++) {
      addresses.put(i, values.getPointer(i));
    }
  }

  Launch of(String name) {
    kernel = name;
    signature.setLength(0);
    return this;
  }

  /** The kernel for hidden states of that type. */
  Launch of(String name, DType hidden) {
    return of(name + CudaSource.suffix(hidden));
  }

  /** Addresses; null is 0. */
  Launch tensors(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      number(tensor == null ? 0 : tensor.address());
    }
    return this;
  }

  Launch number(long value) {
    return put('L', value);
  }

  /** The first four bytes of a value are what a kernel reads on the machines that CUDA runs on. */
  Launch number(int value) {
    return put('I', Integer.toUnsignedLong(value));
  }

  /** Rows, then columns. */
  Launch shape(Tensor tensor) {
    return number(tensor.rows()).number(tensor.cols());
  }

  Launch number(boolean value) {
    return number(value ? 1 : 0);
  }

  Launch number(float value) {
    return put('F', Integer.toUnsignedLong(Float.floatToRawIntBits(value)));
  }

  private Launch put(char type, long value) {
    values.put(signature.length(), value);
    signature.append(type);
    return this;
  }

  /** Runs {@code count} things, {@code each} to a block of so many threads. */
  void run(long count, int each, int threads) {
    long blocks = (count + each - 1) / each;
    if (blocks * threads > MOST_THREADS) {
      throw new IllegalArgumentException(kernel + " of " + count + " things: 2^32 threads at most");
    }
    run((int) blocks, 1, 1, threads, 0);
  }

  /** Runs blocks in a grid of x × y × z; one of none does nothing. */
  void run(int x, int y, int z, int threads, int sharedBytes) {
    if (x > 0 && y > 0 && z > 0) {
      device.launch(kernel, x, y, z, threads, sharedBytes, signature, addresses);
    }
  }

  void close() {
    values.close();
    addresses.close();
  }
}
