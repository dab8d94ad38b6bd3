package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;

/**
 * A {@link PackedBatch} in the backend's memory.
 *
 * @param tokens I32 [N,1]
 * @param types I32 [N,1]
 * @param positions I32 [N,1] row of the position table of each token
 * @param tokenRows random streams of token rows
 * @param sequenceRows random streams of rows that stand for a whole sequence (the head's)
 * @param firstTokens I32 [B,1] row of each sequence's first token
 * @param labels I32 [B,1] or null
 * @param targets [B,1] or null
 * @param hostStarts where the sequences begin, on the host; there may be more than B + 1
 */
public record DeviceBatch(
    Tensor tokens,
    Tensor types,
    Tensor positions,
    Rows tokenRows,
    Sequences sequences,
    Rows sequenceRows,
    Tensor firstTokens,
    Tensor labels,
    Tensor targets,
    int[] hostStarts) {

  public static DeviceBatch upload(
      Kernels kernels, Arena arena, ModelConfig config, PackedBatch batch) {
    int n = batch.tokenCount();
    int b = batch.sequences();
    int[] inSequence = new int[n];
    int[] tokenStreams = new int[n];
    int[] first = new int[b];
    for (int s = 0; s < b; s++) {
      first[s] = batch.starts()[s];
      for (int t = batch.starts()[s]; t < batch.starts()[s + 1]; t++) {
        inSequence[t] = t - batch.starts()[s];
        tokenStreams[t] = batch.streams()[s];
      }
    }
    Tensor streams = ints(kernels, arena, batch.streams());
    Tensor targets = null;
    if (batch.targets() != null) {
      targets = arena.take(kernels.real(), b, 1);
      kernels.upload(targets, batch.targets(), 0);
    }
    return new DeviceBatch(
        ints(kernels, arena, batch.tokens()),
        ints(kernels, arena, batch.types()),
        ints(kernels, arena, positions(config, batch)),
        new Rows(ints(kernels, arena, tokenStreams), ints(kernels, arena, inSequence)),
        new Sequences(ints(kernels, arena, batch.starts()), streams, batch.maxLength()),
        new Rows(streams, ints(kernels, arena, new int[b])),
        ints(kernels, arena, first),
        batch.labels() == null ? null : ints(kernels, arena, batch.labels()),
        targets,
        batch.starts());
  }

  /**
   * Position ids. RoBERTa does not count padding tokens, which a text may hold: their id is the
   * padding id, as in Hugging Face and fairseq.
   */
  static int[] positions(ModelConfig config, PackedBatch batch) {
    boolean roberta = config.architecture() == ModelConfig.Architecture.ROBERTA;
    int[] ids = new int[batch.tokenCount()];
    for (int s = 0; s < batch.sequences(); s++) {
      int next = config.firstPosition();
      for (int t = batch.starts()[s]; t < batch.starts()[s + 1]; t++) {
        boolean padding = roberta && batch.tokens()[t] == config.padTokenId();
        ids[t] = padding ? config.padTokenId() : next++;
      }
    }
    return ids;
  }

  public int tokenCount() {
    return tokens.rows();
  }

  public int sequenceCount() {
    return firstTokens.rows();
  }

  /** Views of the first {@code count} sequences. */
  public DeviceBatch prefix(int count) {
    int n = hostStarts[count];
    Tensor streams = sequences.streams().rows(0, count);
    return new DeviceBatch(
        tokens.rows(0, n),
        types.rows(0, n),
        positions.rows(0, n),
        new Rows(tokenRows.streams().rows(0, n), tokenRows.positions().rows(0, n)),
        new Sequences(sequences.starts().rows(0, count + 1), streams, sequences.maxLength()),
        new Rows(streams, sequenceRows.positions().rows(0, count)),
        firstTokens.rows(0, count),
        labels == null ? null : labels.rows(0, count),
        targets == null ? null : targets.rows(0, count),
        hostStarts);
  }

  private static Tensor ints(Kernels kernels, Arena arena, int[] values) {
    Tensor tensor = arena.take(DType.I32, values.length, 1);
    kernels.upload(tensor, values, 0);
    return tensor;
  }
}
