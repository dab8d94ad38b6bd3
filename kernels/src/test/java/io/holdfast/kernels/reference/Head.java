package io.holdfast.kernels.reference;

import static io.holdfast.kernels.reference.HostSlab.at;
import static io.holdfast.kernels.reference.HostSlab.put;

import io.holdfast.kernels.Key;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/** One head h of one sequence in a [N,3H] tensor of queries, keys and values: its attention. */
final class Head {

  private final Tensor qkv;
  private final int start;
  private final int length;
  private final int stream;
  private final int h;
  private final int size;
  private final double rootSize;

  Head(Tensor qkv, Sequences sequences, int b, int heads, int h) {
    this.qkv = qkv;
    this.start = HostSlab.getInt(sequences.starts(), b);
    this.length = HostSlab.getInt(sequences.starts(), b + 1) - start;
    this.stream = HostSlab.getInt(sequences.streams(), b);
    this.h = h;
    this.size = qkv.cols() / 3 / heads;
    this.rootSize = Math.sqrt(size);
    if (length > sequences.maxLength()) {
      throw new IllegalArgumentException(length + " tokens, over " + sequences.maxLength());
    }
  }

  private int column(int part, int d) {
    return part * (qkv.cols() / 3) + h * size + d;
  }

  private double q(int i, int d) {
    return at(qkv, start + i, column(0, d));
  }

  private double k(int j, int d) {
    return at(qkv, start + j, column(1, d));
  }

  private double v(int j, int d) {
    return at(qkv, start + j, column(2, d));
  }

  private void add(int part, int i, int d, double value) {
    HostSlab.add(qkv, start + i, column(part, d), value);
  }

  /** {@code S_i = q_i · kᵀ / √D}. */
  private double[] scores(int i) {
    double[] s = new double[length];
    for (int j = 0; j < length; j++) {
      for (int d = 0; d < size; d++) {
        s[j] += q(i, d) * k(j, d) / rootSize;
      }
    }
    return s;
  }

  private double mask(int i, int j, float p, Key key) {
    return Draws.dropoutFactor(p, key, stream, i, j, h + 1);
  }

  /** {@code ctx_i = Σ_j M_ij · P_ij · v_j}. */
  void forward(Tensor ctx, Tensor lse, float p, Key key) {
    for (int i = 0; i < length; i++) {
      double[] s = scores(i);
      double logSum = Softmax.logSumExp(s);
      double[] sum = new double[size];
      for (int j = 0; j < length; j++) {
        double weight = mask(i, j, p, key) * Math.exp(s[j] - logSum);
        for (int d = 0; d < size; d++) {
          sum[d] += weight * v(j, d);
        }
      }
      put(lse, start + i, h, logSum);
      for (int d = 0; d < size; d++) {
        put(ctx, start + i, h * size + d, sum[d]);
      }
    }
  }

  /** Adds to {@code gradient}, the same head of dqkv. */
  void backward(Head gradient, Tensor dctx, Tensor ctx, Tensor lse, float p, Key key) {
    for (int i = 0; i < length; i++) {
      double[] s = scores(i);
      double[] dy = new double[size];
      double rowSum = 0;
      for (int d = 0; d < size; d++) {
        dy[d] = at(dctx, start + i, h * size + d);
        rowSum += dy[d] * at(ctx, start + i, h * size + d);
      }
      for (int j = 0; j < length; j++) {
        double mask = mask(i, j, p, key);
        double probability = Math.exp(s[j] - at(lse, start + i, h));
        double dP = 0;
        for (int d = 0; d < size; d++) {
          dP += mask * dy[d] * v(j, d);
        }
        double dS = probability * (dP - rowSum) / rootSize;
        for (int d = 0; d < size; d++) {
          gradient.add(0, i, d, dS * k(j, d));
          gradient.add(1, j, d, dS * q(i, d));
          gradient.add(2, j, d, mask * probability * dy[d]);
        }
      }
    }
  }
}
