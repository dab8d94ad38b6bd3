package io.holdfast.kernels.reference;

import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/** One head of one sequence in a [N,3H] tensor of queries, keys and values. */
final class Head {
  final Tensor qkv;
  final int start;
  final int length;
  final int stream;
  final int size;
  final int column;

  Head(Tensor qkv, Sequences sequences, int b, int heads, int h) {
    this.qkv = qkv;
    this.start = HostSlab.getInt(sequences.starts(), b);
    this.length = HostSlab.getInt(sequences.starts(), b + 1) - start;
    this.stream = HostSlab.getInt(sequences.streams(), b);
    this.size = qkv.cols() / 3 / heads;
    this.column = h * size;
    if (length > sequences.maxLength()) {
      throw new IllegalArgumentException(length + " tokens, over " + sequences.maxLength());
    }
  }

  double q(int i, int d) {
    return HostSlab.at(qkv, start + i, column + d);
  }

  double k(int j, int d) {
    return HostSlab.at(qkv, start + j, qkv.cols() / 3 + column + d);
  }

  double v(int j, int d) {
    return HostSlab.at(qkv, start + j, 2 * (qkv.cols() / 3) + column + d);
  }

  void add(int part, int i, int d, double value) {
    HostSlab.add(qkv, start + i, part * (qkv.cols() / 3) + column + d, value);
  }

  double[] scores(int i) {
    double[] s = new double[length];
    for (int j = 0; j < length; j++) {
      for (int d = 0; d < size; d++) {
        s[j] += q(i, d) * k(j, d) / Math.sqrt(size);
      }
    }
    return s;
  }
}
