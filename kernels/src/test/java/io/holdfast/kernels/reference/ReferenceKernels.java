package io.holdfast.kernels.reference;

import static io.holdfast.kernels.reference.HostSlab.add;
import static io.holdfast.kernels.reference.HostSlab.at;
import static io.holdfast.kernels.reference.HostSlab.put;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/**
 * The definition of every operation: naive loops in double, as close to the equations of {@link
 * Kernels} as code can be. Its backward is checked by central differences, every backend is checked
 * against it. Slow, and so never outside tests.
 */
public final class ReferenceKernels extends ReferenceLinear {

  // ---- normalisation and dropout ----

  @Override
  public void dropout(Tensor y, Tensor x, float p, Key key, Rows rows) {
    for (int r = 0; r < y.rows(); r++) {
      for (int c = 0; c < y.cols(); c++) {
        put(y, r, c, at(x, r, c) * Draws.dropoutFactor(p, key, rows, r, c));
      }
    }
  }

  @Override
  public void layerNorm(
      Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float eps) {
    int cols = x.cols();
    for (int r = 0; r < x.rows(); r++) {
      double sum = 0;
      for (int c = 0; c < cols; c++) {
        sum += at(x, r, c);
      }
      double squares = 0;
      for (int c = 0; c < cols; c++) {
        squares += Math.pow(at(x, r, c) - sum / cols, 2);
      }
      put(mean, r, 0, sum / cols);
      put(rstd, r, 0, 1 / Math.sqrt(squares / cols + eps));
      for (int c = 0; c < cols; c++) {
        double n = (at(x, r, c) - at(mean, r, 0)) * at(rstd, r, 0);
        put(y, r, c, n * at(gamma, 0, c) + at(beta, 0, c));
      }
    }
  }

  @Override
  public void layerNormBackward(
      Tensor dx,
      Tensor dGamma,
      Tensor dBeta,
      Tensor dy,
      Tensor x,
      Tensor mean,
      Tensor rstd,
      Tensor gamma) {
    int cols = x.cols();
    for (int r = 0; r < x.rows(); r++) {
      double[] n = new double[cols];
      double averageG = 0;
      double averageGn = 0;
      for (int c = 0; c < cols; c++) {
        n[c] = (at(x, r, c) - at(mean, r, 0)) * at(rstd, r, 0);
        averageG += at(dy, r, c) * at(gamma, 0, c) / cols;
        averageGn += at(dy, r, c) * at(gamma, 0, c) * n[c] / cols;
      }
      for (int c = 0; c < cols; c++) {
        double g = at(dy, r, c) * at(gamma, 0, c);
        if (dGamma != null) {
          add(dGamma, 0, c, at(dy, r, c) * n[c]);
          add(dBeta, 0, c, at(dy, r, c));
        }
        put(dx, r, c, at(rstd, r, 0) * (g - averageG - n[c] * averageGn));
      }
    }
  }

  @Override
  public void dropoutAddLayerNorm(
      Tensor y,
      Tensor s,
      Tensor mean,
      Tensor rstd,
      Tensor x,
      Tensor residual,
      Tensor gamma,
      Tensor beta,
      float eps,
      float p,
      Key key,
      Rows rows) {
    dropout(s, x, p, key, rows);
    for (long i = 0; i < s.elements(); i++) {
      set(s, i, get(s, i) + get(residual, i));
    }
    layerNorm(y, mean, rstd, s, gamma, beta, eps);
  }

  @Override
  public void dropoutAddLayerNormBackward(
      Tensor dx,
      Tensor dResidual,
      Tensor dGamma,
      Tensor dBeta,
      Tensor dy,
      Tensor s,
      Tensor mean,
      Tensor rstd,
      Tensor gamma,
      float p,
      Key key,
      Rows rows) {
    layerNormBackward(dResidual, dGamma, dBeta, dy, s, mean, rstd, gamma);
    dropout(dx, dResidual, p, key, rows);
  }

  // ---- attention over packed sequences ----

  @Override
  public long attentionScratch(int maxLength, int heads, int headSize) {
    return 0;
  }

  @Override
  public void attention(
      Tensor ctx,
      Tensor lse,
      Tensor scratch,
      Tensor qkv,
      Sequences sequences,
      int heads,
      float p,
      Key key) {
    for (int b = 0; b < sequences.count(); b++) {
      for (int h = 0; h < heads; h++) {
        new Head(qkv, sequences, b, heads, h).forward(ctx, lse, p, key);
      }
    }
  }

  @Override
  public void attentionBackward(
      Tensor dqkv,
      Tensor scratch,
      Tensor dctx,
      Tensor ctx,
      Tensor lse,
      Tensor qkv,
      Sequences sequences,
      int heads,
      float p,
      Key key) {
    zero(dqkv);
    for (int b = 0; b < sequences.count(); b++) {
      for (int h = 0; h < heads; h++) {
        Head gradient = new Head(dqkv, sequences, b, heads, h);
        new Head(qkv, sequences, b, heads, h).backward(gradient, dctx, ctx, lse, p, key);
      }
    }
  }

  // ---- losses ----

  @Override
  public void crossEntropy(Tensor loss, Tensor dLogits, Tensor logits, Tensor labels, float scale) {
    for (int b = 0; b < logits.rows(); b++) {
      double[] logP = Softmax.logSoftmax(logits, b);
      int label = HostSlab.getInt(labels, b);
      put(loss, b, 0, -logP[label]);
      for (int c = 0; c < logP.length && dLogits != null; c++) {
        put(dLogits, b, c, scale * (Math.exp(logP[c]) - (c == label ? 1 : 0)));
      }
    }
  }

  @Override
  public void symmetricKl(
      Tensor kl, Tensor dP, Tensor dQ, Tensor pLogits, Tensor qLogits, float scale) {
    for (int b = 0; b < pLogits.rows(); b++) {
      double[] logP = Softmax.logSoftmax(pLogits, b);
      double[] logQ = Softmax.logSoftmax(qLogits, b);
      double klPq = 0;
      double klQp = 0;
      for (int c = 0; c < logP.length; c++) {
        klPq += Math.exp(logP[c]) * (logP[c] - logQ[c]);
        klQp += Math.exp(logQ[c]) * (logQ[c] - logP[c]);
      }
      put(kl, b, 0, klPq + klQp);
      for (int c = 0; c < logP.length; c++) {
        double p = Math.exp(logP[c]);
        double q = Math.exp(logQ[c]);
        double d = logP[c] - logQ[c];
        if (dP != null) {
          add(dP, b, c, scale * (p * (d - klPq) + p - q));
        }
        if (dQ != null) {
          add(dQ, b, c, scale * (q * (-d - klQp) + q - p));
        }
      }
    }
  }

  @Override
  public void squaredError(Tensor loss, Tensor dx, Tensor x, Tensor target, float scale) {
    for (int b = 0; b < x.rows(); b++) {
      double difference = at(x, b, 0) - at(target, b, 0);
      put(loss, b, 0, difference * difference);
      if (dx != null) {
        put(dx, b, 0, 2 * scale * difference);
      }
    }
  }

  // ---- the update ----

  @Override
  public double sumOfSquares(Tensor x) {
    double sum = 0;
    for (long i = 0; i < x.elements(); i++) {
      sum += get(x, i) * get(x, i);
    }
    return sum;
  }

  @Override
  public void adamw(Tensor w, Tensor m, Tensor v, Tensor g, AdamStep step) {
    for (long i = 0; i < w.elements(); i++) {
      double gradient = step.gradientScale() * get(g, i);
      double first = step.beta1() * get(m, i) + (1 - step.beta1()) * gradient;
      double second = step.beta2() * get(v, i) + (1 - step.beta2()) * gradient * gradient;
      double decayed = get(w, i) * (1 - step.learningRate() * step.weightDecay());
      double move =
          step.epsilonInside()
              ? Math.sqrt(step.correction2())
                  / step.correction1()
                  * first
                  / (Math.sqrt(second) + step.epsilon())
              : first
                  / step.correction1()
                  / (Math.sqrt(second / step.correction2()) + step.epsilon());
      set(m, i, first);
      set(v, i, second);
      set(w, i, decayed - step.learningRate() * move);
    }
  }
}
