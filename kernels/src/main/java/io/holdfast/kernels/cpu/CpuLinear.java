package io.holdfast.kernels.cpu;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;

/** The first half of {@link CpuKernels}: memory, linear layers, tables and activations. */
abstract sealed class CpuLinear implements Kernels permits CpuKernels {

  /** Grain of work that is cut by columns or elements: a cache line. */
  static final int LINE = 16;

  final WorkerPool pool;
  private final boolean bf16;

  CpuLinear(int threads, boolean bf16) {
    CpuNative.verifyLoaded();
    this.bf16 = bf16;
    this.pool = new WorkerPool(threads);
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public DType real() {
    return DType.F32;
  }

  @Override
  public void close() {
    pool.close();
  }

  // ---- memory ----

  @Override
  public Slab allocate(long bytes) {
    return new CpuSlab(bytes);
  }

  @Override
  public void upload(Tensor dst, float[] src, int from) {
    long address = dst.address();
    CpuNative.copyFloatsIn(address, src, from, Math.toIntExact(dst.elements()));
  }

  @Override
  public void upload(Tensor dst, int[] src, int from) {
    CpuNative.copyIntsIn(dst.address(), src, from, Math.toIntExact(dst.elements()));
  }

  @Override
  public void download(float[] dst, int from, Tensor src) {
    long address = src.address();
    CpuNative.copyFloatsOut(dst, from, address, Math.toIntExact(src.elements()));
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    long pd = dst.address();
    long ps = src.address();
    int bytes = dst.dtype().bytes();
    pool.forRange(
        dst.elements(),
        LINE,
        dst.elements(),
        (from, to) ->
            CpuNative.copyBytes(pd + from * bytes, ps + from * bytes, (to - from) * bytes));
  }

  @Override
  public void zero(Tensor x) {
    long px = x.address();
    int bytes = x.dtype().bytes();
    pool.forRange(
        x.elements(),
        LINE,
        x.elements(),
        (from, to) -> CpuNative.zeroBytes(px + from * bytes, (to - from) * bytes));
  }

  @Override
  public void axpby(Tensor y, float a, Tensor x, float b) {
    long py = y.address();
    long px = x.address();
    perElement(y, (from, to) -> CpuNative.axpby(py, a, px, b, from, to));
  }

  // ---- linear layers ----

  @Override
  public void linear(Tensor y, Tensor x, Tensor w, Tensor b) {
    int in = x.cols();
    int out = w.rows();
    long py = y.address();
    long px = x.address();
    long pw = w.address();
    long pb = orNull(b);
    Blocks.forEach(
        pool,
        x.rows(),
        out,
        in,
        (top, bottom, left, right) ->
            CpuNative.linear(py, px, pw, pb, bf16, in, out, top, bottom, left, right));
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dy, Tensor w, boolean add) {
    int in = w.cols();
    int out = w.rows();
    long pdx = dx.address();
    long pdy = dy.address();
    long pw = w.address();
    Blocks.forEach(
        pool,
        dy.rows(),
        in,
        out,
        (top, bottom, left, right) ->
            CpuNative.linearBackwardInput(
                pdx, pdy, pw, add, bf16, in, out, top, bottom, left, right));
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor db, Tensor dy, Tensor x) {
    int rows = dy.rows();
    int in = dw.cols();
    int out = dw.rows();
    long pdw = dw.address();
    long pdb = orNull(db);
    long pdy = dy.address();
    long px = x.address();
    if (rows == 0) {
      return;
    }
    Blocks.forEach(
        pool,
        out,
        in,
        rows,
        (top, bottom, left, right) ->
            CpuNative.linearBackwardWeight(
                pdw, pdy, px, bf16, rows, in, out, top, bottom, left, right));
    if (db != null) {
      pool.forRange(
          out,
          LINE,
          dy.elements(),
          (from, to) -> CpuNative.addColumnSums(pdb, pdy, rows, out, from, to));
    }
  }

  @Override
  public void spectralNorm(
      Tensor y, Tensor sigma, Tensor u, Tensor v, Tensor w, int iterations, boolean atMostOne) {
    CpuNative.spectralNorm(
        y.address(),
        sigma.address(),
        u.address(),
        v.address(),
        w.address(),
        iterations,
        atMostOne,
        w.rows(),
        w.cols());
  }

  @Override
  public void spectralNormBackward(
      Tensor dw, Tensor dy, Tensor y, Tensor sigma, Tensor u, Tensor v, boolean atMostOne) {
    CpuNative.spectralNormBackward(
        dw.address(),
        dy.address(),
        y.address(),
        sigma.address(),
        u.address(),
        v.address(),
        atMostOne,
        dw.rows(),
        dw.cols());
  }

  // ---- rows and embeddings ----

  @Override
  public void gather(Tensor y, Tensor table, Tensor ids) {
    int cols = table.cols();
    long py = y.address();
    long pt = table.address();
    long pi = Indices.within(ids, table.rows());
    perRow(y, (from, to) -> CpuNative.gather(py, pt, pi, cols, from, to));
  }

  @Override
  public void gatherBackward(Tensor dTable, Tensor dy, Tensor ids) {
    int cols = dTable.cols();
    int rows = ids.rows();
    long pt = dTable.address();
    long py = dy.address();
    long pi = Indices.within(ids, dTable.rows());
    pool.forRange(
        cols,
        LINE,
        dy.elements(),
        (from, to) -> CpuNative.gatherBackward(pt, py, pi, rows, cols, from, to));
  }

  @Override
  public void embeddingSum(
      Tensor y,
      Tensor words,
      Tensor positionTable,
      Tensor positions,
      Tensor typeTable,
      Tensor types) {
    int cols = y.cols();
    long py = y.address();
    long pw = words.address();
    long ppt = positionTable.address();
    long pp = Indices.within(positions, positionTable.rows());
    long ptt = typeTable.address();
    long pt = Indices.within(types, typeTable.rows());
    perRow(y, (from, to) -> CpuNative.embeddingSum(py, pw, ppt, pp, ptt, pt, cols, from, to));
  }

  @Override
  public void addNoise(Tensor y, Tensor x, NoiseType type, float eps, Key key, Rows rows) {
    int cols = y.cols();
    long py = y.address();
    long px = x.address();
    long ps = rows.streams().address();
    long pp = rows.positions().address();
    boolean normal = type == NoiseType.NORMAL;
    perRow(
        y,
        (from, to) -> CpuNative.addNoise(py, px, normal, eps, key.bits(), ps, pp, cols, from, to));
  }

  @Override
  public void ascend(
      Tensor delta,
      Tensor g,
      Sequences sequences,
      Norm norm,
      float step,
      float floor,
      float radius) {
    int cols = delta.cols();
    long pd = delta.address();
    long pg = g.address();
    long starts = Indices.starts(sequences, delta.rows());
    boolean l2 = norm == Norm.L2;
    pool.forRange(
        sequences.count(),
        1,
        delta.elements(),
        (from, to) -> CpuNative.ascend(pd, pg, starts, l2, step, floor, radius, cols, from, to));
  }

  // ---- activations ----

  @Override
  public void biasGelu(Tensor y, Tensor x, Tensor b) {
    int cols = y.cols();
    long py = y.address();
    long px = x.address();
    long pb = b.address();
    perRow(y, (from, to) -> CpuNative.biasGelu(py, px, pb, cols, from, to));
  }

  @Override
  public void biasGeluBackward(Tensor dx, Tensor dy, Tensor x, Tensor b) {
    int cols = dx.cols();
    long pdx = dx.address();
    long pdy = dy.address();
    long px = x.address();
    long pb = b.address();
    perRow(dx, (from, to) -> CpuNative.biasGeluBackward(pdx, pdy, px, pb, cols, from, to));
  }

  @Override
  public void tanh(Tensor y, Tensor x) {
    long py = y.address();
    long px = x.address();
    perElement(y, (from, to) -> CpuNative.tanhForward(py, px, from, to));
  }

  @Override
  public void tanhBackward(Tensor dx, Tensor dy, Tensor y) {
    long pdx = dx.address();
    long pdy = dy.address();
    long py = y.address();
    perElement(dx, (from, to) -> CpuNative.tanhBackward(pdx, pdy, py, from, to));
  }

  // ---- partitions and checks ----

  final void perRow(Tensor shape, WorkerPool.Range range) {
    pool.forRange(shape.rows(), 1, shape.elements(), range);
  }

  final void perElement(Tensor shape, WorkerPool.Range range) {
    pool.forRange(shape.elements(), LINE, shape.elements(), range);
  }

  static long orNull(Tensor t) {
    return t == null ? 0 : t.address();
  }
}
