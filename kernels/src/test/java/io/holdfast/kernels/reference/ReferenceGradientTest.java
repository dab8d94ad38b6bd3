package io.holdfast.kernels.reference;

import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
import java.util.Arrays;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

/**
 * Every backward of the reference against central differences of its forward, h = 1e-5 · max(1,
 * |x|), relative error at most 1e-6, three seeds and twenty shapes or more per operation. The loss
 * is {@code <output, dy>} for a random dy.
 */
class ReferenceGradientTest {

  private static final int[][] SHAPES = {
    {0, 5}, {1, 1}, {1, 2}, {2, 1}, {3, 5}, {5, 3}, {7, 7}, {1, 13}, {13, 1}, {2, 17}, {17, 2},
    {11, 8}, {8, 11}, {4, 16}, {16, 4}, {6, 32}, {5, 33}, {3, 64}, {2, 97}, {1, 127}, {9, 31}
  };

  private static final int[] LENGTHS = {1, 2, 0, 5};

  private interface Case {
    void run(GradientCheck check, int rows, int cols);
  }

  private static void everyShape(Case operation) {
    for (long seed = 1; seed <= 3; seed++) {
      for (int[] shape : SHAPES) {
        operation.run(new GradientCheck(seed), shape[0], shape[1]);
      }
    }
  }

  @Test
  void linear() {
    everyShape(
        (check, n, in) -> {
          int out = 1 + (7 * n + in) % 19;
          ReferenceKernels k = check.kernels;
          Tensor x = check.normal(n, in);
          Tensor w = check.normal(out, in);
          Tensor b = check.normal(1, out);
          Tensor y = check.output(n, out);
          Tensor dy = check.normal(n, out);
          DoubleSupplier loss =
              () -> {
                k.linear(y, x, w, b);
                return check.dot(y, dy);
              };
          Tensor dx = check.output(n, in);
          k.linearBackwardInput(dx, dy, w, false);
          check.overwritten("dx", x, dx, loss);
          Tensor sum = check.normal(n, in);
          double[] dxBefore = k.toArray(sum);
          k.linearBackwardInput(sum, dy, w, true);
          check.added("dx added", x, sum, dxBefore, loss);
          Tensor dw = check.normal(out, in);
          Tensor db = check.normal(1, out);
          double[] dwBefore = k.toArray(dw);
          double[] dbBefore = k.toArray(db);
          k.linearBackwardWeight(dw, db, dy, x);
          check.added("dw", w, dw, dwBefore, loss);
          check.added("db", b, db, dbBefore, loss);
        });
  }

  /** On both sides of sigma = 1; u and v, constants, are those of three iterations. */
  @Test
  void spectralNorm() {
    everyShape(
        (check, out, in) -> {
          ReferenceKernels k = check.kernels;
          Tensor w = check.normal(out, in);
          Tensor y = check.output(out, in);
          Tensor sigma = check.output(1, 1);
          Tensor u = check.normal(1, out);
          Tensor v = check.normal(1, in);
          Tensor dy = check.normal(out, in);
          for (int n = 0; n < 3; n++) {
            boolean atMostOne = n > 0;
            double factor = n == 2 ? 0.01 : 1;
            k.fill(w, Arrays.stream(k.toArray(w)).map(e -> factor * e).toArray());
            k.spectralNorm(y, sigma, u, v, w, 3, atMostOne);
            Tensor dw = check.normal(out, in);
            double[] before = k.toArray(dw);
            k.spectralNormBackward(dw, dy, y, sigma, u, v, atMostOne);
            DoubleSupplier loss =
                () -> {
                  k.spectralNorm(y, sigma, u, v, w, 0, atMostOne);
                  return check.dot(y, dy);
                };
            check.added("dw", w, dw, before, loss);
          }
        });
  }

  @Test
  void gather() {
    everyShape(
        (check, n, cols) -> {
          ReferenceKernels k = check.kernels;
          Tensor table = check.normal(6, cols);
          Tensor ids = check.indices(n, 6);
          Tensor y = check.output(n, cols);
          Tensor dy = check.normal(n, cols);
          Tensor dTable = check.normal(6, cols);
          double[] before = k.toArray(dTable);
          k.gatherBackward(dTable, dy, ids);
          check.added(
              "dTable",
              table,
              dTable,
              before,
              () -> {
                k.gather(y, table, ids);
                return check.dot(y, dy);
              });
        });
  }

  @Test
  void embeddingSum() {
    everyShape(
        (check, n, cols) -> {
          ReferenceKernels k = check.kernels;
          Tensor words = check.normal(n, cols);
          Tensor[] tables = {check.normal(9, cols), check.normal(2, cols)};
          Tensor[] ids = {check.indices(n, 9), check.indices(n, 2)};
          Tensor y = check.output(n, cols);
          Tensor dy = check.normal(n, cols);
          DoubleSupplier loss =
              () -> {
                k.embeddingSum(y, words, tables[0], ids[0], tables[1], ids[1]);
                return check.dot(y, dy);
              };
          check.overwritten("dWords", words, dy, loss);
          for (int t = 0; t < 2; t++) {
            Tensor dTable = check.normal(tables[t].rows(), cols);
            double[] before = k.toArray(dTable);
            k.gatherBackward(dTable, dy, ids[t]);
            check.added("dTable", tables[t], dTable, before, loss);
          }
        });
  }

  @Test
  void dropout() {
    everyShape(
        (check, n, cols) -> {
          ReferenceKernels k = check.kernels;
          Tensor x = check.normal(n, cols);
          Tensor y = check.output(n, cols);
          Tensor dy = check.normal(n, cols);
          Tensor dx = check.output(n, cols);
          Rows rows = check.rows(n);
          k.dropout(dx, dy, 0.3f, check.key, rows);
          check.overwritten(
              "dx",
              x,
              dx,
              () -> {
                k.dropout(y, x, 0.3f, check.key, rows);
                return check.dot(y, dy);
              });
        });
  }

  @Test
  void layerNorm() {
    everyShape(
        (check, n, cols) -> {
          ReferenceKernels k = check.kernels;
          Tensor x = check.normal(n, cols);
          Tensor gamma = check.normal(1, cols);
          Tensor beta = check.normal(1, cols);
          Tensor mean = check.output(n, 1);
          Tensor rstd = check.output(n, 1);
          Tensor y = check.output(n, cols);
          Tensor dy = check.normal(n, cols);
          DoubleSupplier loss =
              () -> {
                k.layerNorm(y, mean, rstd, x, gamma, beta, 1e-2f);
                return check.dot(y, dy);
              };
          loss.getAsDouble();
          Tensor dx = check.output(n, cols);
          Tensor dGamma = check.normal(1, cols);
          Tensor dBeta = check.normal(1, cols);
          double[] gammaBefore = k.toArray(dGamma);
          double[] betaBefore = k.toArray(dBeta);
          k.layerNormBackward(dx, dGamma, dBeta, dy, x, mean, rstd, gamma);
          check.overwritten("dx", x, dx, loss);
          check.added("dGamma", gamma, dGamma, gammaBefore, loss);
          check.added("dBeta", beta, dBeta, betaBefore, loss);
        });
  }

  @Test
  void dropoutAddLayerNorm() {
    everyShape(
        (check, n, cols) -> {
          ReferenceKernels k = check.kernels;
          Tensor x = check.normal(n, cols);
          Tensor residual = check.normal(n, cols);
          Tensor gamma = check.normal(1, cols);
          Tensor beta = check.normal(1, cols);
          Tensor s = check.output(n, cols);
          Tensor mean = check.output(n, 1);
          Tensor rstd = check.output(n, 1);
          Tensor y = check.output(n, cols);
          Tensor dy = check.normal(n, cols);
          Rows rows = check.rows(n);
          DoubleSupplier loss =
              () -> {
                k.dropoutAddLayerNorm(
                    y, s, mean, rstd, x, residual, gamma, beta, 1e-2f, 0.2f, check.key, rows);
                return check.dot(y, dy);
              };
          loss.getAsDouble();
          Tensor dx = check.output(n, cols);
          Tensor dResidual = check.output(n, cols);
          Tensor dGamma = check.normal(1, cols);
          Tensor dBeta = check.normal(1, cols);
          double[] gammaBefore = k.toArray(dGamma);
          double[] betaBefore = k.toArray(dBeta);
          k.dropoutAddLayerNormBackward(
              dx, dResidual, dGamma, dBeta, dy, s, mean, rstd, gamma, 0.2f, check.key, rows);
          check.overwritten("dx", x, dx, loss);
          check.overwritten("dResidual", residual, dResidual, loss);
          check.added("dGamma", gamma, dGamma, gammaBefore, loss);
          check.added("dBeta", beta, dBeta, betaBefore, loss);
        });
  }

  @Test
  void biasGelu() {
    everyShape(
        (check, n, cols) -> {
          ReferenceKernels k = check.kernels;
          Tensor x = check.normal(n, cols);
          Tensor b = check.normal(1, cols);
          Tensor y = check.output(n, cols);
          Tensor dy = check.normal(n, cols);
          Tensor dx = check.output(n, cols);
          k.biasGeluBackward(dx, dy, x, b);
          check.overwritten(
              "dx",
              x,
              dx,
              () -> {
                k.biasGelu(y, x, b);
                return check.dot(y, dy);
              });
        });
  }

  @Test
  void tanh() {
    everyShape(
        (check, n, cols) -> {
          ReferenceKernels k = check.kernels;
          Tensor x = check.normal(n, cols);
          Tensor y = check.output(n, cols);
          Tensor dy = check.normal(n, cols);
          Tensor dx = check.output(n, cols);
          DoubleSupplier loss =
              () -> {
                k.tanh(y, x);
                return check.dot(y, dy);
              };
          loss.getAsDouble();
          k.tanhBackward(dx, dy, y);
          check.overwritten("dx", x, dx, loss);
        });
  }

  @Test
  void attention() {
    everyShape((check, first, size) -> attention(check, first, size, 0f));
  }

  @Test
  void attentionWithDropout() {
    everyShape((check, first, size) -> attention(check, first, size, 0.25f));
  }

  /** Sequences of {@code first}, 1, 2, 0 and 5 tokens; one to three heads. */
  private static void attention(GradientCheck check, int first, int size, float p) {
    ReferenceKernels k = check.kernels;
    int heads = 1 + first % 3;
    Tensor starts = check.ints(LENGTHS.length + 2, b -> b == 0 ? 0 : first + tokensBefore(b - 1));
    int n = first + tokensBefore(LENGTHS.length);
    Sequences sequences =
        new Sequences(starts, check.ints(LENGTHS.length + 1, b -> 50 - b), Math.max(first, 5));
    Tensor qkv = check.normal(n, 3 * heads * size);
    Tensor ctx = check.output(n, heads * size);
    Tensor lse = check.output(n, heads);
    Tensor dctx = check.normal(n, heads * size);
    DoubleSupplier loss =
        () -> {
          k.attention(ctx, lse, null, qkv, sequences, heads, p, check.key);
          return check.dot(ctx, dctx);
        };
    loss.getAsDouble();
    Tensor dqkv = check.output(n, 3 * heads * size);
    k.attentionBackward(dqkv, null, dctx, ctx, lse, qkv, sequences, heads, p, check.key);
    check.overwritten("dqkv", qkv, dqkv, loss);
  }

  private static int tokensBefore(int sequence) {
    int sum = 0;
    for (int b = 0; b < sequence; b++) {
      sum += LENGTHS[b];
    }
    return sum;
  }

  @Test
  void crossEntropy() {
    everyShape(
        (check, n, classes) -> {
          ReferenceKernels k = check.kernels;
          Tensor logits = check.normal(n, classes);
          Tensor labels = check.indices(n, classes);
          Tensor loss = check.output(n, 1);
          Tensor weight = check.ones(n);
          Tensor dLogits = check.output(n, classes);
          k.crossEntropy(loss, dLogits, logits, labels, 0.5f);
          check.overwritten(
              "dLogits",
              logits,
              dLogits,
              () -> {
                k.crossEntropy(loss, null, logits, labels, 0.5f);
                return 0.5 * check.dot(loss, weight);
              });
        });
  }

  @Test
  void symmetricKl() {
    everyShape(
        (check, n, classes) -> {
          ReferenceKernels k = check.kernels;
          Tensor p = check.normal(n, classes);
          Tensor q = check.normal(n, classes);
          Tensor kl = check.output(n, 1);
          Tensor weight = check.ones(n);
          Tensor dP = check.normal(n, classes);
          Tensor dQ = check.normal(n, classes);
          double[] pBefore = k.toArray(dP);
          double[] qBefore = k.toArray(dQ);
          DoubleSupplier loss =
              () -> {
                k.symmetricKl(kl, null, null, p, q, 0.5f);
                return 0.5 * check.dot(kl, weight);
              };
          k.symmetricKl(kl, dP, dQ, p, q, 0.5f);
          check.added("dP", p, dP, pBefore, loss);
          check.added("dQ", q, dQ, qBefore, loss);
        });
  }

  @Test
  void squaredError() {
    everyShape(
        (check, n, ignored) -> {
          ReferenceKernels k = check.kernels;
          Tensor x = check.normal(n, 1);
          Tensor target = check.normal(n, 1);
          Tensor loss = check.output(n, 1);
          Tensor weight = check.ones(n);
          Tensor dx = check.output(n, 1);
          k.squaredError(loss, dx, x, target, 0.25f);
          check.overwritten(
              "dx",
              x,
              dx,
              () -> {
                k.squaredError(loss, null, x, target, 0.25f);
                return 0.25 * check.dot(loss, weight);
              });
        });
  }
}
