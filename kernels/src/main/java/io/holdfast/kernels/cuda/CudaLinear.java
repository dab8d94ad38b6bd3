package io.holdfast.kernels.cuda;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/** The first half of {@link CudaKernels}: memory, linear layers, tables and activations. */
abstract sealed class CudaLinear implements Kernels permits CudaKernels {

  static final int WARP = 32;

  /** Threads of a block of kernels whose threads do not work together. */
  static final int THREADS = 256;

  private static final int WIDE_THREADS = 1024;

  /** Threads of a block of kernels where a warp has a row. */
  static final int ROW_THREADS = 128;

  /** Blocks of {@link #sumOfSquares}. */
  static final int PARTIALS = 256;

  private static final int COLUMN_THREADS = 8 * WARP;
  private static final int MOST_SHARES = 64;
  private static final int SHARE_ROWS = 32;

  /** Room for partial sums of columns: two matrices of shares × columns. */
  private static final int COLUMN_FLOATS = 1 << 20;

  private static final int FAULT_BYTES = 8;

  private final DType hidden;
  final CudaDevice device;
  final Launch launch;

  /** A word for faults, {@link #PARTIALS} doubles, {@link #COLUMN_FLOATS} floats. */
  private final Slab workspace;

  CudaLinear(CudaDevice device, DType hidden) {
    this.device = device;
    this.hidden = hidden;
    try {
      workspace =
          new CudaSlab(device, FAULT_BYTES + (long) PARTIALS * Double.BYTES + COLUMN_FLOATS * 4L);
      device.zero(workspace.address(), FAULT_BYTES);
    } catch (RuntimeException e) {
      device.close();
      throw e;
    }
    this.launch = new Launch(device);
  }

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public DType real() {
    return DType.F32;
  }

  @Override
  public DType hidden() {
    return hidden;
  }

  @Override
  public void close() {
    launch.close();
    workspace.close();
    device.close();
  }

  // ---- memory ----

  @Override
  public Slab allocate(long bytes) {
    return new CudaSlab(device, bytes);
  }

  @Override
  public void upload(Tensor dst, float[] src, int from) {
    FloatBuffer staging = device.staging().asFloatBuffer();
    int count = Math.toIntExact(dst.elements());
    for (long done = 0; done < count; done += staging.capacity()) {
      int n = (int) Math.min(count - done, staging.capacity());
      staging.clear().put(src, from + (int) done, n);
      device.copyIn(dst.address() + done * 4, n * 4);
    }
  }

  @Override
  public void upload(Tensor dst, int[] src, int from) {
    IntBuffer staging = device.staging().asIntBuffer();
    int count = Math.toIntExact(dst.elements());
    for (long done = 0; done < count; done += staging.capacity()) {
      int n = (int) Math.min(count - done, staging.capacity());
      staging.clear().put(src, from + (int) done, n);
      device.copyIn(dst.address() + done * 4, n * 4);
    }
  }

  /** Throws IndexOutOfBoundsException if an index since the last download named nothing. */
  @Override
  public void download(float[] dst, int from, Tensor src) {
    FloatBuffer staging = device.staging().asFloatBuffer();
    int count = Math.toIntExact(src.elements());
    for (long done = 0; done < count; done += staging.capacity()) {
      int n = (int) Math.min(count - done, staging.capacity());
      device.copyOut(src.address() + done * 4, n * 4);
      staging.clear().get(dst, from + (int) done, n);
    }
    device.copyOut(fault(), FAULT_BYTES);
    checkFault();
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    device.copy(dst.address(), src.address(), src.bytes());
  }

  @Override
  public void zero(Tensor x) {
    device.zero(x.address(), x.bytes());
  }

  @Override
  public void convert(Tensor y, Tensor x) {
    boolean toHidden = x.dtype() == DType.F32;
    launch.of(toHidden ? "toHidden" : "toReal", hidden).tensors(y, x).number(y.elements());
    perElement(y);
  }

  @Override
  public void axpby(Tensor y, float a, Tensor x, float b) {
    launch.of("axpby").tensors(y).number(a).tensors(x).number(b).number(y.elements());
    perElement(y);
  }

  // ---- linear layers ----

  @Override
  public void linear(Tensor y, Tensor x, Tensor w, Tensor b) {
    if (y.elements() == 0) {
      return;
    }
    if (b != null && multiplyWithBias(y, x, w, b)) {
      return;
    }
    if (b != null) {
      launch.of("fillRows", y.dtype()).tensors(y, b).shape(y);
      perQuad(y);
    }
    multiply(y, x, false, w, true, x.cols(), b != null);
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dy, Tensor w, boolean add) {
    if (dx.elements() > 0) {
      multiply(dx, dy, false, w, false, dy.cols(), add);
    }
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor db, Tensor dy, Tensor x) {
    if (dy.rows() == 0) {
      return;
    }
    multiply(dw, dy, true, x, false, dy.rows(), true);
    if (db != null) {
      launch.of("columnPartials", dy.dtype()).number(partials(0)).tensors(dy);
      runColumns(dy);
      addPartials(db, 0, dy);
    }
  }

  private boolean multiplyWithBias(Tensor y, Tensor x, Tensor w, Tensor b) {
    return device.multiplyWithBias(
        y.address(),
        x.address(),
        w.address(),
        b.address(),
        y.dtype(),
        y.rows(),
        y.cols(),
        x.cols());
  }

  /** {@link CudaProducts#multiply} with a depth of k. */
  private void multiply(
      Tensor c, Tensor a, boolean transposeA, Tensor b, boolean transposeB, int k, boolean add) {
    device.multiply(
        c.address(),
        c.dtype(),
        a.address(),
        transposeA,
        b.address(),
        transposeB,
        a.dtype(),
        c.rows(),
        c.cols(),
        k,
        add);
  }

  // ---- sums of columns ----

  /** {@code dGamma += Σ dy · (x − mean) · rstd}, {@code dBeta += Σ dy}. */
  final void normParameters(
      Tensor dGamma, Tensor dBeta, Tensor dy, Tensor x, Tensor mean, Tensor rstd) {
    if (dGamma == null || dy.rows() == 0) {
      return;
    }
    launch.of("normPartials", dy.dtype()).number(partials(0)).number(partials(1));
    launch.tensors(dy, x, mean, rstd);
    runColumns(dy);
    addPartials(dGamma, 0, dy);
    addPartials(dBeta, 1, dy);
  }

  /** Strips of columns × shares of the rows. */
  private void runColumns(Tensor x) {
    launch.shape(x);
    int strips = (x.cols() + WARP - 1) / WARP;
    launch.run(strips, shares(x), 1, COLUMN_THREADS, COLUMN_THREADS * Float.BYTES);
  }

  private void addPartials(Tensor out, int which, Tensor x) {
    launch.of("addPartials").tensors(out).number(partials(which));
    launch.number(shares(x)).number(x.cols()).run(x.cols(), THREADS, THREADS);
  }

  /** Into how many shares the rows are cut: a function of the shape alone. */
  private static int shares(Tensor x) {
    int room = COLUMN_FLOATS / 2 / x.cols();
    int shares = Math.min(Math.min(MOST_SHARES, room), (x.rows() + SHARE_ROWS - 1) / SHARE_ROWS);
    if (shares == 0) {
      throw new IllegalArgumentException("sums of more than 524288 columns: " + x.shape());
    }
    return shares;
  }

  private long partials(int which) {
    long start = partialSums() + (long) PARTIALS * Double.BYTES;
    return start + (long) which * (COLUMN_FLOATS / 2) * Float.BYTES;
  }

  // ---- spectral normalisation ----

  @Override
  public void spectralNorm(
      Tensor y, Tensor sigma, Tensor u, Tensor v, Tensor w, int iterations, boolean atMostOne) {
    launch.of("powerIteration").tensors(sigma, u, v, w).number(iterations);
    launch.shape(w);
    runWide(1);
    launch.of("divideBySigma").tensors(y, w, sigma).number(atMostOne).number(w.elements());
    perElement(y);
  }

  @Override
  public void spectralNormBackward(
      Tensor dw, Tensor dy, Tensor y, Tensor sigma, Tensor u, Tensor v, boolean atMostOne) {
    launch.of("innerProduct").number(partialSums()).tensors(dy, y).number(y.elements());
    runWide(1);
    launch.of("spectralNormBackward").tensors(dw, dy).number(partialSums()).tensors(sigma, u, v);
    launch.number(atMostOne).shape(dw);
    launch.run(dw.elements(), THREADS, THREADS);
  }

  // ---- rows and embeddings ----

  @Override
  public void gather(Tensor y, Tensor table, Tensor ids) {
    launch.of("gather", y.dtype()).tensors(y, table, ids).shape(y);
    launch.number(table.rows()).number(fault());
    perQuad(y);
  }

  @Override
  public void gatherBackward(Tensor dTable, Tensor dy, Tensor ids) {
    launch.of("gatherBackward", dy.dtype()).tensors(dTable, dy, ids).shape(dy);
    launch.number(dTable.rows()).number(fault());
    launch.run(dy.rows(), 1, 1, THREADS, THREADS / WARP * Integer.BYTES);
  }

  @Override
  public void embeddingSum(
      Tensor y,
      Tensor words,
      Tensor positionTable,
      Tensor positions,
      Tensor typeTable,
      Tensor types) {
    launch.of("embeddingSum").tensors(y, words, positionTable, positions, typeTable, types);
    launch.shape(y);
    launch.number(positionTable.rows()).number(typeTable.rows()).number(fault());
    perQuad(y);
  }

  @Override
  public void addNoise(Tensor y, Tensor x, NoiseType type, float eps, Key key, Rows rows) {
    launch.of("addNoise", y.dtype()).tensors(y, x).number(type == NoiseType.NORMAL).number(eps);
    launch.number(key.bits()).tensors(rows.streams(), rows.positions());
    launch.shape(y);
    perUnit(y);
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
    launch.of("ascend").tensors(delta, g, sequences.starts()).number(norm == Norm.L2);
    launch.number(step).number(floor).number(radius);
    launch.shape(delta).number(fault());
    runWide(sequences.count());
  }

  // ---- activations ----

  @Override
  public void biasGelu(Tensor y, Tensor x, Tensor b) {
    launch.of("biasGelu", y.dtype()).tensors(y, x, b).shape(y);
    perQuad(y);
  }

  @Override
  public void biasGeluBackward(Tensor dx, Tensor dy, Tensor x, Tensor b) {
    launch.of("biasGeluBackward", dx.dtype()).tensors(dx, dy, x, b).shape(dx);
    perQuad(dx);
  }

  @Override
  public void tanh(Tensor y, Tensor x) {
    launch.of("tanhForward").tensors(y, x).number(y.elements());
    perElement(y);
  }

  @Override
  public void tanhBackward(Tensor dx, Tensor dy, Tensor y) {
    launch.of("tanhBackward").tensors(dx, dy, y).number(dx.elements());
    perElement(dx);
  }

  // ---- launches and faults ----

  /** A thread for four neighbours of all elements. */
  final void perElement(Tensor t) {
    launch.run((t.elements() + 3) / 4, THREADS, THREADS);
  }

  /** A thread for four neighbours of a row. */
  private void perQuad(Tensor t) {
    launch.run(t.rows() * ((t.cols() + 3L) / 4), THREADS, THREADS);
  }

  /** A thread for sixteen columns of a row. */
  final void perUnit(Tensor t) {
    launch.run(t.rows() * ((t.cols() + 31L) / 32 * 2), THREADS, THREADS);
  }

  /** A warp for a row. */
  final void perRow(int rows) {
    launch.run(rows, ROW_THREADS / WARP, ROW_THREADS);
  }

  /** Blocks of WIDE_KERNELs, whose warps share a double each. */
  private void runWide(int blocks) {
    launch.run(blocks, 1, 1, WIDE_THREADS, WIDE_THREADS / WARP * Double.BYTES);
  }

  /** The word in which kernels report indices that name nothing. */
  final long fault() {
    return workspace.address();
  }

  /** {@link #PARTIALS} doubles, right behind the fault. */
  final long partialSums() {
    return workspace.address() + FAULT_BYTES;
  }

  /** Of the fault that was copied to the start of the staging buffer. */
  final void checkFault() {
    int fault = device.staging().getInt(0);
    if (fault != 0) {
      device.zero(fault(), FAULT_BYTES);
      throw new IndexOutOfBoundsException(
          fault == 1
              ? "an id or label is outside its table"
              : "sequences do not fill the rows, or one is longer than they say");
    }
  }
}
