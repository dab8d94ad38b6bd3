package io.holdfast.kernels;

import java.util.Map;
import java.util.OptionalLong;

/** The first half of {@link CheckedKernels}: memory, linear layers, tables and activations. */
abstract sealed class CheckedLinear implements Kernels permits CheckedKernels {

  final Kernels backend;
  final Arguments check;

  CheckedLinear(Kernels backend) {
    this.backend = backend;
    this.check = new Arguments(backend.real(), backend.hidden());
  }

  @Override
  public String name() {
    return backend.name();
  }

  @Override
  public DType real() {
    return backend.real();
  }

  @Override
  public DType hidden() {
    return backend.hidden();
  }

  @Override
  public String note() {
    return backend.note();
  }

  @Override
  public Map<String, String> device() {
    return backend.device();
  }

  // ---- memory ----

  @Override
  public OptionalLong freeMemory() {
    return backend.freeMemory();
  }

  @Override
  public Slab allocate(long bytes) {
    if (bytes < 0) {
      throw Arguments.wrong("allocate", bytes + " bytes");
    }
    return backend.allocate(bytes);
  }

  @Override
  public void upload(Tensor dst, float[] src, int from) {
    check.reals("upload", "dst", dst, dst.rows(), dst.cols());
    check.range("upload", src.length, from, dst);
    backend.upload(dst, src, from);
  }

  @Override
  public void upload(Tensor dst, int[] src, int from) {
    check.shape("upload", "dst", dst, dst.rows(), dst.cols(), DType.I32);
    check.range("upload", src.length, from, dst);
    backend.upload(dst, src, from);
  }

  @Override
  public void download(float[] dst, int from, Tensor src) {
    check.reals("download", "src", src, src.rows(), src.cols());
    check.range("download", dst.length, from, src);
    backend.download(dst, from, src);
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    check.shape("copy", "dst", dst, src.rows(), src.cols(), src.dtype());
    check.shape("copy", "src", src, dst.rows(), dst.cols(), dst.dtype());
    check.apart("copy", dst, src);
    backend.copy(dst, src);
  }

  @Override
  public void zero(Tensor x) {
    check.shape("zero", "x", x, x.rows(), x.cols(), x.dtype());
    backend.zero(x);
  }

  @Override
  public void convert(Tensor y, Tensor x) {
    boolean toHidden = x != null && x.dtype() == real();
    check.shape("convert", "y", y, x.rows(), x.cols(), toHidden ? hidden() : real());
    check.shape("convert", "x", x, y.rows(), y.cols(), toHidden ? real() : hidden());
    check.apart("convert", y, x);
    backend.convert(y, x);
  }

  @Override
  public void axpby(Tensor y, float a, Tensor x, float b) {
    check.same("axpby", "y", y, x);
    check.apart("axpby", y, x);
    backend.axpby(y, a, x, b);
  }

  // ---- linear layers ----

  @Override
  public void linear(Tensor y, Tensor x, Tensor w, Tensor b) {
    check.hidden("linear", "x", x, y.rows(), x.cols(), x);
    check.hidden("linear", "w", w, y.cols(), x.cols(), x);
    check.hidden("linear", "y", y, x.rows(), w.rows(), x);
    if (b != null) {
      check.hidden("linear", "b", b, 1, y.cols(), x);
    }
    check.apart("linear", y, b, x, w);
    backend.linear(y, x, w, b);
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dy, Tensor w, boolean add) {
    check.hidden("linearBackwardInput", "w", w, dy.cols(), dx.cols(), dx);
    check.hidden("linearBackwardInput", "dy", dy, dx.rows(), w.rows(), dx);
    check.hidden("linearBackwardInput", "dx", dx, dy.rows(), w.cols(), dx);
    check.apart("linearBackwardInput", dx, dy, w);
    backend.linearBackwardInput(dx, dy, w, add);
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor db, Tensor dy, Tensor x) {
    check.reals("linearBackwardWeight", "dw", dw, dy.cols(), x.cols());
    check.hidden("linearBackwardWeight", "dy", dy, x.rows(), dw.rows(), x);
    check.hidden("linearBackwardWeight", "x", x, dy.rows(), dw.cols(), x);
    check.optional("linearBackwardWeight", "db", db, 1, dy.cols());
    check.apart("linearBackwardWeight", dw, db, dy, x);
    check.apart("linearBackwardWeight", db, dy, x);
    backend.linearBackwardWeight(dw, db, dy, x);
  }

  @Override
  public void spectralNorm(
      Tensor y, Tensor sigma, Tensor u, Tensor v, Tensor w, int iterations, boolean atMostOne) {
    check.same("spectralNorm", "y", y, w);
    check.spectral("spectralNorm", sigma, u, v, w);
    check.inPlaceOrApart("spectralNorm", y, w);
    check.apart("spectralNorm", sigma, u, v, w, y);
    check.apart("spectralNorm", u, v, w, y);
    check.apart("spectralNorm", v, w, y);
    if (iterations < 0) {
      throw Arguments.wrong("spectralNorm", iterations + " iterations");
    }
    backend.spectralNorm(y, sigma, u, v, w, iterations, atMostOne);
  }

  @Override
  public void spectralNormBackward(
      Tensor dw, Tensor dy, Tensor y, Tensor sigma, Tensor u, Tensor v, boolean atMostOne) {
    check.same("spectralNormBackward", "dw", dw, y);
    check.same("spectralNormBackward", "dy", dy, y);
    check.spectral("spectralNormBackward", sigma, u, v, y);
    check.apart("spectralNormBackward", dw, dy, y, sigma, u, v);
    backend.spectralNormBackward(dw, dy, y, sigma, u, v, atMostOne);
  }

  // ---- rows and embeddings ----

  @Override
  public void gather(Tensor y, Tensor table, Tensor ids) {
    check.ints("gather", "ids", ids, y.rows());
    check.hidden("gather", "table", table, table.rows(), y.cols(), table);
    check.hidden("gather", "y", y, ids.rows(), table.cols(), table);
    check.apart("gather", y, table, ids);
    backend.gather(y, table, ids);
  }

  @Override
  public void gatherBackward(Tensor dTable, Tensor dy, Tensor ids) {
    check.ints("gatherBackward", "ids", ids, dy.rows());
    check.hidden("gatherBackward", "dTable", dTable, dTable.rows(), dy.cols(), dTable);
    check.hidden("gatherBackward", "dy", dy, ids.rows(), dTable.cols(), dTable);
    check.apart("gatherBackward", dTable, dy, ids);
    backend.gatherBackward(dTable, dy, ids);
  }

  @Override
  public void embeddingSum(
      Tensor y,
      Tensor words,
      Tensor positionTable,
      Tensor positions,
      Tensor typeTable,
      Tensor types) {
    check.same("embeddingSum", "words", words, y);
    check.reals("embeddingSum", "positionTable", positionTable, positionTable.rows(), y.cols());
    check.ints("embeddingSum", "positions", positions, y.rows());
    check.reals("embeddingSum", "typeTable", typeTable, typeTable.rows(), y.cols());
    check.ints("embeddingSum", "types", types, y.rows());
    check.inPlaceOrApart("embeddingSum", y, words);
    check.apart("embeddingSum", y, positionTable, positions, typeTable, types);
    backend.embeddingSum(y, words, positionTable, positions, typeTable, types);
  }

  @Override
  public void addNoise(Tensor y, Tensor x, NoiseType type, float eps, Key key, Rows rows) {
    check.alike("addNoise", "y", y, x);
    check.inPlaceOrApart("addNoise", y, x);
    check.draws("addNoise", key, rows, y);
    backend.addNoise(y, x, type, eps, key, rows);
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
    check.same("ascend", "delta", delta, g);
    check.apart("ascend", delta, g);
    check.ints("ascend", "starts", sequences.starts(), sequences.count() + 1);
    if (!(floor >= 0 && radius > 0)) {
      throw Arguments.wrong("ascend", "floor " + floor + ", radius " + radius);
    }
    backend.ascend(delta, g, sequences, norm, step, floor, radius);
  }

  // ---- activations ----

  @Override
  public void biasGelu(Tensor y, Tensor x, Tensor b) {
    check.alike("biasGelu", "y", y, x);
    check.reals("biasGelu", "b", b, 1, x.cols());
    check.apart("biasGelu", y, x, b);
    backend.biasGelu(y, x, b);
  }

  @Override
  public void biasGeluBackward(Tensor dx, Tensor dy, Tensor x, Tensor b) {
    check.alike("biasGeluBackward", "dx", dx, x);
    check.alike("biasGeluBackward", "dy", dy, x);
    check.reals("biasGeluBackward", "b", b, 1, x.cols());
    check.inPlaceOrApart("biasGeluBackward", dx, dy);
    check.apart("biasGeluBackward", dx, x, b);
    backend.biasGeluBackward(dx, dy, x, b);
  }

  @Override
  public void tanh(Tensor y, Tensor x) {
    check.same("tanh", "y", y, x);
    check.inPlaceOrApart("tanh", y, x);
    backend.tanh(y, x);
  }

  @Override
  public void tanhBackward(Tensor dx, Tensor dy, Tensor y) {
    check.same("tanhBackward", "dx", dx, y);
    check.same("tanhBackward", "dy", dy, y);
    check.inPlaceOrApart("tanhBackward", dx, dy);
    check.apart("tanhBackward", dx, y);
    backend.tanhBackward(dx, dy, y);
  }

  @Override
  public void close() {
    backend.close();
  }
}
