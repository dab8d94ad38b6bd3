package io.holdfast.kernels.reference;

import static io.holdfast.kernels.reference.HostSlab.add;
import static io.holdfast.kernels.reference.HostSlab.at;
import static io.holdfast.kernels.reference.HostSlab.put;

import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/** The first half of {@link ReferenceKernels}: linear layers, tables and activations. */
abstract class ReferenceLinear extends ReferenceMemory {

  // ---- linear layers ----

  @Override
  public void linear(Tensor y, Tensor x, Tensor w, Tensor b) {
    for (int n = 0; n < y.rows(); n++) {
      for (int o = 0; o < y.cols(); o++) {
        double sum = b == null ? 0 : at(b, 0, o);
        for (int i = 0; i < x.cols(); i++) {
          sum += at(x, n, i) * at(w, o, i);
        }
        put(y, n, o, sum);
      }
    }
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dy, Tensor w, boolean add) {
    for (int n = 0; n < dx.rows(); n++) {
      for (int i = 0; i < dx.cols(); i++) {
        double sum = add ? at(dx, n, i) : 0;
        for (int o = 0; o < dy.cols(); o++) {
          sum += at(dy, n, o) * at(w, o, i);
        }
        put(dx, n, i, sum);
      }
    }
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor db, Tensor dy, Tensor x) {
    for (int n = 0; n < dy.rows(); n++) {
      for (int o = 0; o < dy.cols(); o++) {
        for (int i = 0; i < x.cols(); i++) {
          add(dw, o, i, at(dy, n, o) * at(x, n, i));
        }
        if (db != null) {
          add(db, 0, o, at(dy, n, o));
        }
      }
    }
  }

  @Override
  public void spectralNorm(
      Tensor y, Tensor sigma, Tensor u, Tensor v, Tensor w, int iterations, boolean atMostOne) {
    for (int n = 0; n < iterations; n++) {
      linearBackwardInput(v, u, w, false); // u is a row: u·w
      normalize(v);
      linear(u, v, w, null);
      normalize(u);
    }
    double sum = 0;
    for (int o = 0; o < w.rows(); o++) {
      for (int i = 0; i < w.cols(); i++) {
        sum += at(u, 0, o) * at(w, o, i) * at(v, 0, i);
      }
    }
    put(sigma, 0, 0, sum);
    for (long i = 0; i < w.elements(); i++) {
      set(y, i, get(w, i) / (atMostOne ? Math.max(1, sum) : sum));
    }
  }

  private void normalize(Tensor x) {
    double norm = Math.max(Math.sqrt(sumOfSquares(x)), 1e-12);
    for (long i = 0; i < x.elements(); i++) {
      set(x, i, get(x, i) / norm);
    }
  }

  @Override
  public void spectralNormBackward(
      Tensor dw, Tensor dy, Tensor y, Tensor sigma, Tensor u, Tensor v, boolean atMostOne) {
    double s = get(sigma, 0);
    boolean divided = !(atMostOne && s <= 1);
    double inner = 0;
    for (long i = 0; i < y.elements(); i++) {
      inner += get(dy, i) * get(y, i);
    }
    for (int o = 0; o < dw.rows(); o++) {
      for (int i = 0; i < dw.cols(); i++) {
        double g = at(dy, o, i);
        add(dw, o, i, divided ? (g - inner * at(u, 0, o) * at(v, 0, i)) / s : g);
      }
    }
  }

  // ---- rows and embeddings ----

  @Override
  public void gather(Tensor y, Tensor table, Tensor ids) {
    for (int r = 0; r < y.rows(); r++) {
      for (int c = 0; c < y.cols(); c++) {
        put(y, r, c, at(table, HostSlab.getInt(ids, r), c));
      }
    }
  }

  @Override
  public void gatherBackward(Tensor dTable, Tensor dy, Tensor ids) {
    for (int r = 0; r < dy.rows(); r++) {
      for (int c = 0; c < dy.cols(); c++) {
        add(dTable, HostSlab.getInt(ids, r), c, at(dy, r, c));
      }
    }
  }

  @Override
  public void embeddingSum(
      Tensor y,
      Tensor words,
      Tensor positionTable,
      Tensor positions,
      Tensor typeTable,
      Tensor types) {
    for (int r = 0; r < y.rows(); r++) {
      for (int c = 0; c < y.cols(); c++) {
        double position = at(positionTable, HostSlab.getInt(positions, r), c);
        double type = at(typeTable, HostSlab.getInt(types, r), c);
        put(y, r, c, at(words, r, c) + position + type);
      }
    }
  }

  @Override
  public void addNoise(Tensor y, Tensor x, NoiseType type, float eps, Key key, Rows rows) {
    for (int r = 0; r < y.rows(); r++) {
      int stream = HostSlab.getInt(rows.streams(), r);
      int position = HostSlab.getInt(rows.positions(), r);
      for (int c = 0; c < y.cols(); c++) {
        double z = Draws.noise(type, key, stream, position, c);
        put(y, r, c, at(x, r, c) + eps * z);
      }
    }
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
    for (int b = 0; b < sequences.count(); b++) {
      int from = HostSlab.getInt(sequences.starts(), b);
      int to = HostSlab.getInt(sequences.starts(), b + 1);
      Tensor d = delta.rows(from, to);
      double size = size(g.rows(from, to), norm) + floor;
      for (long i = 0; i < d.elements(); i++) {
        double slope = get(g.rows(from, to), i);
        set(d, i, get(d, i) + (slope == 0 ? 0 : step * slope / size));
      }
      double distance = size(d, norm);
      for (long i = 0; i < d.elements(); i++) {
        double clamped = Math.max(-radius, Math.min(radius, get(d, i)));
        double shrunk = distance > radius ? get(d, i) * radius / distance : get(d, i);
        set(d, i, norm == Norm.LINF ? clamped : shrunk);
      }
    }
  }

  private double size(Tensor x, Norm norm) {
    double sum = 0;
    double top = 0;
    for (long i = 0; i < x.elements(); i++) {
      sum += get(x, i) * get(x, i);
      top = Math.max(top, Math.abs(get(x, i)));
    }
    return norm == Norm.L2 ? Math.sqrt(sum) : top;
  }

  // ---- activations ----

  @Override
  public void biasGelu(Tensor y, Tensor x, Tensor b) {
    for (int r = 0; r < x.rows(); r++) {
      for (int c = 0; c < x.cols(); c++) {
        double t = at(x, r, c) + at(b, 0, c);
        put(y, r, c, t * normalDistribution(t));
      }
    }
  }

  @Override
  public void biasGeluBackward(Tensor dx, Tensor dy, Tensor x, Tensor b) {
    for (int r = 0; r < x.rows(); r++) {
      for (int c = 0; c < x.cols(); c++) {
        double t = at(x, r, c) + at(b, 0, c);
        double slope = normalDistribution(t) + t * normalDensity(t);
        put(dx, r, c, at(dy, r, c) * slope);
      }
    }
  }

  private static double normalDensity(double t) {
    return Math.exp(-t * t / 2) / Math.sqrt(2 * Math.PI);
  }

  /** Φ(t) = 1/2 + φ(t) · (t + t³/3 + t⁵/(3·5) + …): no cancellation; past ±9 it is 0 or 1. */
  public static double normalDistribution(double t) {
    if (Math.abs(t) > 9) {
      return t > 0 ? 1 : 0;
    }
    double term = t;
    double sum = t;
    for (int n = 3; Math.abs(term) > 1e-18 * Math.abs(sum); n += 2) {
      term *= t * t / n;
      sum += term;
    }
    return 0.5 + normalDensity(t) * sum;
  }

  @Override
  public void tanh(Tensor y, Tensor x) {
    for (long i = 0; i < y.elements(); i++) {
      set(y, i, Math.tanh(get(x, i)));
    }
  }

  @Override
  public void tanhBackward(Tensor dx, Tensor dy, Tensor y) {
    for (long i = 0; i < y.elements(); i++) {
      set(dx, i, get(dy, i) * (1 - get(y, i) * get(y, i)));
    }
  }
}
