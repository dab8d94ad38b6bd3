package io.holdfast.kernels.cuda;

import java.nio.ByteBuffer;

/**
 * What {@link CudaKernels} needs of a GPU. Everything happens in the order of the calls; only
 * {@link #copyOut} waits. Addresses are the device's. Calls come from one thread at a time.
 */
interface Device extends AutoCloseable {

  /** At a multiple of 256 bytes; 0 if there is not that much. */
  long allocate(long bytes);

  void release(long address);

  /** Bytes of memory in all. */
  long memory();

  /** Most bytes of shared memory that a block can have. */
  int sharedMemory();

  /** What copies to and from the device pass through: direct, in the machine's byte order. */
  ByteBuffer staging();

  /**
   * Copies the first bytes of {@link #staging} to the device; on return it can be written again.
   */
  void copyIn(long dst, int bytes);

  /** Copies to the first bytes of {@link #staging} when all that was asked for before is done. */
  void copyOut(long src, int bytes);

  void copy(long dst, long src, long bytes);

  void zero(long dst, long bytes);

  /**
   * Runs a kernel of src/main/cuda.
   *
   * @param signature of each argument: L 8 bytes (addresses too), I 4, F float
   * @param arguments address, in this process, of an array of the arguments' addresses
   */
  void launch(
      String kernel,
      Grid grid,
      int threads,
      int sharedBytes,
      CharSequence signature,
      long arguments);

  /** Blocks of a launch. */
  record Grid(int x, int y, int z) {}

  /**
   * {@code c[m,n] = op(a)[m,k] · op(b)[k,n]}, plus the old c if {@code add}, op the transpose where
   * asked for; all row-major.
   */
  void multiply(
      long c,
      long a,
      boolean transposeA,
      long b,
      boolean transposeB,
      int m,
      int n,
      int k,
      boolean add);

  @Override
  void close();
}
