package io.holdfast.kernels.reference;

import io.holdfast.kernels.Tensor;

/** Logarithms of sums of exponentials, shifted by the largest. */
final class Softmax {

  private Softmax() {}

  static double logSumExp(double[] x) {
    double max = Double.NEGATIVE_INFINITY;
    for (double v : x) {
      max = Math.max(max, v);
    }
    double sum = 0;
    for (double v : x) {
      sum += Math.exp(v - max);
    }
    return max + Math.log(sum);
  }

  static double[] logSoftmax(Tensor logits, int row) {
    double[] x = new double[logits.cols()];
    for (int c = 0; c < x.length; c++) {
      x[c] = HostSlab.at(logits, row, c);
    }
    double logSum = logSumExp(x);
    for (int c = 0; c < x.length; c++) {
      x[c] -= logSum;
    }
    return x;
  }
}
