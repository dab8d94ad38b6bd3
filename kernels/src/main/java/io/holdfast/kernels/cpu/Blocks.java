package io.holdfast.kernels.cpu;

/**
 * Cuts a matrix product into one block of its output per worker: by columns, so that each packs its
 * own share of the second factor, or by rows where there are few columns.
 */
final class Blocks {

  /** Work of one block of the output. */
  interface Block {
    void run(long rowFrom, long rowTo, long colFrom, long colTo);
  }

  /** Columns of a register tile on any processor. */
  private static final int TILE = 32;

  /** Multiply-adds that take as long as one element of a row kernel. */
  private static final long PER_ELEMENT = 32;

  private Blocks() {}

  static void forEach(WorkerPool pool, long rows, long cols, long depth, Block block) {
    long work = rows * cols * depth / PER_ELEMENT;
    if (cols >= 2L * TILE * pool.threads()) {
      pool.forRange(cols, TILE, work, (from, to) -> block.run(0, rows, from, to));
    } else {
      pool.forRange(rows, 1, work, (from, to) -> block.run(from, to, 0, cols));
    }
  }
}
