package io.holdfast.kernels.cpu;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;
import java.util.Objects;

/** The first half of {@link CpuKernels}: memory, linear layers and activations. */
abstract sealed class CpuLinear implements Kernels permits CpuKernels {

  private static final int LINE = 16;

  final WorkerPool pool;
  private final Precision precision;
  private final Processor processor;

  CpuLinear(int threads, Precision precision) {
    this.processor = Processor.detect();
    this.precision = precision;
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

  public Processor processor() {
    return processor;
  }

  /** What the processor makes of the precision asked for, in one line; empty if just that. */
  public String precisionNote() {
    return precision == Precision.BF16_GEMM && !processor.amxBf16()
        ? precision + ": this processor has no AMX (amx_bf16); products stay fp32"
        : "";
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
    long address = real(dst);
    CpuNative.copyFloatsIn(address, src, from, count(dst, from, src.length));
  }

  @Override
  public void upload(Tensor dst, int[] src, int from) {
    if (dst.dtype() != DType.I32) {
      throw new IllegalArgumentException("ints into " + dst.dtype());
    }
    CpuNative.copyIntsIn(dst.address(), src, from, count(dst, from, src.length));
  }

  @Override
  public void download(float[] dst, int from, Tensor src) {
    long address = real(src);
    CpuNative.copyFloatsOut(dst, from, address, count(src, from, dst.length));
  }

  private static int count(Tensor tensor, int from, int length) {
    int count = Math.toIntExact(tensor.elements());
    Objects.checkFromIndexSize(from, count, length);
    return count;
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    if (dst.dtype() != src.dtype() || dst.rows() != src.rows() || dst.cols() != src.cols()) {
      throw new IllegalArgumentException("copy of " + src.shape() + " to " + dst.shape());
    }
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

  // ---- linear layers ----

  @Override
  public void linear(Tensor y, Tensor x, Tensor w, Tensor b) {
    int in = x.cols();
    int out = w.rows();
    long py = Expect.real(y, x.rows(), out);
    long px = real(x);
    long pw = Expect.real(w, out, in);
    long pb = Expect.vectorOrNull(b, out);
    Blocks.forEach(
        pool,
        x.rows(),
        out,
        in,
        (top, bottom, left, right) ->
            CpuNative.linear(py, px, pw, pb, in, out, top, bottom, left, right));
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dy, Tensor w, boolean add) {
    int in = w.cols();
    int out = w.rows();
    long pdx = Expect.real(dx, dy.rows(), in);
    long pdy = Expect.real(dy, dy.rows(), out);
    long pw = real(w);
    Blocks.forEach(
        pool,
        dy.rows(),
        in,
        out,
        (top, bottom, left, right) ->
            CpuNative.linearBackwardInput(pdx, pdy, pw, add, in, out, top, bottom, left, right));
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor db, Tensor dy, Tensor x) {
    int rows = dy.rows();
    int in = dw.cols();
    int out = dw.rows();
    long pdw = real(dw);
    long pdb = Expect.vectorOrNull(db, out);
    long pdy = Expect.real(dy, rows, out);
    long px = Expect.real(x, rows, in);
    if (rows == 0) {
      return;
    }
    Blocks.forEach(
        pool,
        out,
        in,
        rows,
        (top, bottom, left, right) ->
            CpuNative.linearBackwardWeight(pdw, pdy, px, rows, in, out, top, bottom, left, right));
    if (db != null) {
      pool.forRange(
          out,
          LINE,
          dy.elements(),
          (from, to) -> CpuNative.addColumnSums(pdb, pdy, rows, out, from, to));
    }
  }

  // ---- activations ----

  @Override
  public void biasGelu(Tensor y, Tensor x, Tensor b) {
    int cols = y.cols();
    long py = real(y);
    long px = like(x, y);
    long pb = Expect.vector(b, cols);
    perRow(y, (from, to) -> CpuNative.biasGelu(py, px, pb, cols, from, to));
  }

  @Override
  public void biasGeluBackward(Tensor dx, Tensor dy, Tensor x, Tensor b) {
    int cols = dx.cols();
    long pdx = real(dx);
    long pdy = like(dy, dx);
    long px = like(x, dx);
    long pb = Expect.vector(b, cols);
    perRow(dx, (from, to) -> CpuNative.biasGeluBackward(pdx, pdy, px, pb, cols, from, to));
  }

  @Override
  public void tanh(Tensor y, Tensor x) {
    long py = real(y);
    long px = like(x, y);
    perElement(y, (from, to) -> CpuNative.tanhForward(py, px, from, to));
  }

  @Override
  public void tanhBackward(Tensor dx, Tensor dy, Tensor y) {
    long pdx = real(dx);
    long pdy = like(dy, dx);
    long py = like(y, dx);
    perElement(dx, (from, to) -> CpuNative.tanhBackward(pdx, pdy, py, from, to));
  }

  // ---- partitions and checks ----

  final void perRow(Tensor shape, WorkerPool.Range range) {
    pool.forRange(shape.rows(), 1, shape.elements(), range);
  }

  final void perElement(Tensor shape, WorkerPool.Range range) {
    pool.forRange(shape.elements(), LINE, shape.elements(), range);
  }

  static long real(Tensor t) {
    return Expect.real(t, t.rows(), t.cols());
  }

  static long like(Tensor t, Tensor shape) {
    return Expect.real(t, shape.rows(), shape.cols());
  }
}
