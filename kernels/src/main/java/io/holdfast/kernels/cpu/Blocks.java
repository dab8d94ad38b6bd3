package io.holdfast.kernels.cpu;

/**
 * Cuts a matrix product into blocks of its output that follow from the shape alone. oneDNN's order
 * of summation depends on the shape of each call, so the same blocks give the same bits on any
 * number of threads.
 */
final class Blocks {

  /** Work of one block of the output. */
  interface Block {
    void run(long rowFrom, long rowTo, long colFrom, long colTo);
  }

  /** Blocks of one product: 1, 2, 4 and 8 threads share them evenly. */
  private static final int MOST = 8;

  private static final int LEAST_WIDTH = 64;
  private static final int GRAIN = 16;

  /** Multiply-adds that take as long as one element of a row kernel. */
  private static final long PER_ELEMENT = 32;

  private Blocks() {}

  static void forEach(WorkerPool pool, long rows, long cols, long depth, Block block) {
    boolean byRows = rows >= cols;
    long extent = byRows ? rows : cols;
    long count = Math.min(MOST, (extent + LEAST_WIDTH - 1) / LEAST_WIDTH);
    long grains = (extent + GRAIN - 1) / GRAIN;
    pool.forRange(
        count,
        1,
        rows * cols * depth / PER_ELEMENT,
        (first, last) -> {
          for (long i = first; i < last; i++) {
            long from = grains * i / count * GRAIN;
            long to = Math.min(extent, grains * (i + 1) / count * GRAIN);
            if (byRows) {
              block.run(from, to, 0, cols);
            } else {
              block.run(0, rows, from, to);
            }
          }
        });
  }
}
