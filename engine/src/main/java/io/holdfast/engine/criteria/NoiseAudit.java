package io.holdfast.engine.criteria;

import io.holdfast.engine.criteria.R3fOptions.Compat;
import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.Sites;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What the noise does on one batch before training: R3F's default eps is so small that dropout can
 * drown it, and low precision can swallow it.
 *
 * @param changed share of the word embeddings' entries that differ after the noise was added
 * @param noise mean consistency term (symmetric KL, or squared difference) of the noise alone: both
 *     branches draw the same dropout masks
 * @param dropout the same of dropout alone: independent masks, no noise
 */
public record NoiseAudit(double changed, double noise, double dropout) {

  /** Below this share of dropout's effect, or of changed entries, the user is warned. */
  private static final double NEGLIGIBLE = 0.01;

  private static final double FEW = 0.5;

  public static NoiseAudit measure(
      SequenceClassifier model, Pass pass, PackedBatch batch, R3fOptions options) {
    model.weightsChanged(pass.kernels());
    Pass training = new Pass(pass.kernels(), pass.arena(), pass.key(), true, false);
    boolean reaches = options.r3fCompat() == Compat.PAPER;
    double[] changed = new double[1];
    double noise = difference(model, training, batch, true, reaches ? options : null, changed);
    double dropout = difference(model, training, batch, false, null, new double[1]);
    return new NoiseAudit(changed[0], noise, dropout);
  }

  /**
   * True if the noise is mostly rounded away, or hardly matters beside dropout.
   *
   * @param masks with shared ones dropout has no part in the consistency term
   */
  public boolean isNegligible(Masks masks) {
    boolean drowned = masks == Masks.INDEPENDENT && noise < NEGLIGIBLE * dropout;
    return changed < FEW || drowned;
  }

  public String warning() {
    return changed < FEW
        ? "most of the noise does not reach the embeddings: raise --eps, or use --r3f-compat paper"
        : "the noise is negligible beside dropout: raise --eps, or isolate it with --r3f-dropout"
            + " shared";
  }

  /** For reports. */
  public Map<String, Double> toMap() {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("changed_share", changed);
    values.put("consistency_of_noise", noise);
    values.put("consistency_of_dropout", dropout);
    return values;
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "noise audit: %.1f %% of embedding entries change; consistency term %.3g by noise alone,"
            + " %.3g by dropout alone",
        100 * changed,
        noise,
        dropout);
  }

  /** Mean over examples of the consistency term between two branches. */
  private static double difference(
      SequenceClassifier model,
      Pass pass,
      PackedBatch batch,
      boolean sharedMasks,
      R3fOptions noise,
      double[] changed) {
    Kernels k = pass.kernels();
    int b = batch.sequences();
    int n = batch.tokenCount();
    try (Arena.Scope scope = pass.arena().open()) {
      DeviceBatch both =
          DeviceBatch.upload(k, pass.arena(), model.config(), batch.repeat(2, sharedMasks));
      Tensor e = model.embedWords(pass, both);
      Tensor noised = e.rows(n, 2 * n);
      if (noise != null) {
        k.addNoise(
            noised,
            noised,
            noise.noiseType(),
            (float) noise.eps(),
            pass.key(Sites.EMBEDDING_NOISE),
            both.prefix(b).tokenRows());
      }
      changed[0] = changedShare(k, e.rows(0, n), noised);
      Tensor logits = model.infer(pass, both, e);
      Tensor term = pass.take(b, 1);
      Tensor second = logits.rows(b, 2 * b);
      ConsistencyLoss.add(pass, both, term, null, null, logits.rows(0, b), second, 1f);
      return SupervisedLoss.sum(k, term) / b;
    }
  }

  private static double changedShare(Kernels k, Tensor x, Tensor y) {
    float[] row = new float[x.cols()];
    float[] other = new float[x.cols()];
    long different = 0;
    for (int r = 0; r < x.rows(); r++) {
      k.download(row, 0, x.rows(r, r + 1));
      k.download(other, 0, y.rows(r, r + 1));
      for (int c = 0; c < row.length; c++) {
        different += row[c] == other[c] ? 0 : 1;
      }
    }
    return (double) different / Math.max(1, x.elements());
  }
}
