package io.holdfast.kernels;

import java.util.Arrays;

/** The sentences of {@link CheckedKernels}: each returns when its argument is right. */
final class Arguments {

  private final DType real;
  private final DType hidden;

  Arguments(DType real, DType hidden) {
    this.real = real;
    this.hidden = hidden;
  }

  /** {@code t} is a tensor of reals of this shape in an open slab. */
  void reals(String op, String name, Tensor t, int rows, int cols) {
    shape(op, name, t, rows, cols, real);
  }

  /** As {@link #reals}, or null. */
  void optional(String op, String name, Tensor t, int rows, int cols) {
    if (t != null) {
      reals(op, name, t, rows, cols);
    }
  }

  /** {@code t} is a tensor of this shape, of reals or hidden states as {@code like} is. */
  void hidden(String op, String name, Tensor t, int rows, int cols, Tensor like) {
    boolean states = like != null && like.dtype() == hidden;
    shape(op, name, t, rows, cols, states ? hidden : real);
  }

  /** {@code t} and {@code like} are of one shape and type, of reals or hidden states. */
  void alike(String op, String name, Tensor t, Tensor like) {
    hidden(op, name, t, like.rows(), like.cols(), like);
    hidden(op, "operand", like, t.rows(), t.cols(), like);
  }

  /** {@code t} is a column of {@code rows} integers. */
  void ints(String op, String name, Tensor t, int rows) {
    shape(op, name, t, rows, 1, DType.I32);
  }

  /** {@code t} and {@code like} are reals of one shape. */
  void same(String op, String name, Tensor t, Tensor like) {
    reals(op, name, t, like.rows(), like.cols());
    reals(op, "operand", like, t.rows(), t.cols());
  }

  void shape(String op, String name, Tensor t, int rows, int cols, DType dtype) {
    if (t == null) {
      throw wrong(op, name + " is missing, [" + rows + ", " + cols + "] " + dtype + " expected");
    }
    if (t.rows() != rows || t.cols() != cols || t.dtype() != dtype) {
      throw wrong(
          op,
          String.format(
              "%s is %s %s, expected [%s, %s] %s", name, t.shape(), t.dtype(), rows, cols, dtype));
    }
    t.address(); // throws where the slab is closed
  }

  /** The statistics and the scale of a normalisation of the rows of {@code x}. */
  void norm(String op, Tensor x, Tensor mean, Tensor rstd, Tensor gamma) {
    reals(op, "mean", mean, x.rows(), 1);
    reals(op, "rstd", rstd, x.rows(), 1);
    reals(op, "gamma", gamma, 1, x.cols());
  }

  /** Both or neither. */
  void normGradients(String op, Tensor dGamma, Tensor dBeta, Tensor x) {
    if (dGamma == null && dBeta == null) {
      return;
    }
    reals(op, "dGamma", dGamma, 1, x.cols());
    reals(op, "dBeta", dBeta, 1, x.cols());
  }

  /** The singular value and vectors of {@code w}. */
  void spectral(String op, Tensor sigma, Tensor u, Tensor v, Tensor w) {
    reals(op, "sigma", sigma, 1, 1);
    reals(op, "u", u, 1, w.rows());
    reals(op, "v", v, 1, w.cols());
  }

  void packed(String op, Tensor qkv, Tensor ctx, Tensor lse, Sequences sequences, int heads) {
    int width = qkv.cols() / 3;
    if (heads < 1 || width % heads != 0 || width * 3 != qkv.cols()) {
      throw wrong(op, "qkv " + qkv.shape() + " is not 3 × " + heads + " heads");
    }
    hidden(op, "qkv", qkv, ctx.rows(), qkv.cols(), qkv);
    hidden(op, "ctx", ctx, qkv.rows(), width, qkv);
    reals(op, "lse", lse, qkv.rows(), heads);
    ints(op, "starts", sequences.starts(), sequences.count() + 1);
    ints(op, "streams", sequences.streams(), sequences.count());
  }

  void scratch(String op, Tensor scratch, long elements) {
    if (elements == 0) {
      return;
    }
    if (scratch == null || scratch.elements() < elements) {
      String what = scratch == null ? "is missing" : scratch.shape() + " is small";
      throw wrong(op, "scratch " + what + ", " + elements + " elements expected");
    }
    reals(op, "scratch", scratch, scratch.rows(), scratch.cols());
  }

  /** Random numbers for the rows of {@code x}. */
  void draws(String op, Key key, Rows rows, Tensor x) {
    key(op, key);
    ints(op, "streams", rows.streams(), x.rows());
    ints(op, "positions", rows.positions(), x.rows());
  }

  void key(String op, Key key) {
    if (key == null) {
      throw wrong(op, "no key");
    }
  }

  void probability(String op, float p) {
    if (!(p >= 0 && p < 1)) {
      throw wrong(op, "dropout probability " + p + " is not in [0, 1)");
    }
  }

  /** {@code from … from + elements} lie in an array of this length. */
  void range(String op, int length, int from, Tensor t) {
    if (from < 0 || from > length - t.elements()) {
      throw wrong(op, t.shape() + " at " + from + " of an array of " + length);
    }
  }

  /** The output shares no byte with any of the others; null shares none. */
  void apart(String op, Tensor output, Tensor... others) {
    for (Tensor other : others) {
      if (output != null && other != null && overlap(output, other)) {
        throw wrong(op, output.shape() + " and " + other.shape() + " overlap");
      }
    }
  }

  /** No output shares a byte with an input or another output. */
  void outputsApart(String op, Tensor[] outputs, Tensor[] inputs) {
    for (int i = 0; i < outputs.length; i++) {
      apart(op, outputs[i], inputs);
      apart(op, outputs[i], Arrays.copyOfRange(outputs, i + 1, outputs.length));
    }
  }

  void inPlaceOrApart(String op, Tensor output, Tensor input) {
    if (output.address() != input.address()) {
      apart(op, output, input);
    }
  }

  private static boolean overlap(Tensor a, Tensor b) {
    return a.address() < b.address() + b.bytes() && b.address() < a.address() + a.bytes();
  }

  static IllegalArgumentException wrong(String op, String what) {
    return new IllegalArgumentException(op + ": " + what);
  }
}
