package io.holdfast.engine.data;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.text.Encoding;
import io.holdfast.model.text.Tokenizer;
import java.util.List;

/** A data set as token ids, laid end to end; any examples of it make a batch. */
public final class TokenizedDataset {

  private final Dataset data;
  private final int[] lengths;
  private final int[] offsets;
  private final int[] tokens;
  private final byte[] types;
  private final int truncated;
  private final int longest;

  private TokenizedDataset(Dataset data, List<Encoding> encodings) {
    this.data = data;
    lengths = new int[data.size()];
    offsets = new int[data.size() + 1];
    long total = 0;
    int cut = 0;
    int full = 0;
    for (int i = 0; i < lengths.length; i++) {
      Encoding e = encodings.get(i);
      lengths[i] = e.ids().length;
      total += lengths[i];
      if (total > Integer.MAX_VALUE - 8) {
        throw new HoldfastException(
            HoldfastException.Kind.DATA,
            data.file() + ": more than 2^31 tokens; split the file or limit the rows");
      }
      offsets[i + 1] = (int) total;
      cut += e.truncated() ? 1 : 0;
      full = Math.max(full, e.fullLength());
    }
    truncated = cut;
    longest = full;
    tokens = new int[(int) total];
    types = new byte[(int) total];
    for (int i = 0; i < lengths.length; i++) {
      Encoding e = encodings.get(i);
      System.arraycopy(e.ids(), 0, tokens, offsets[i], lengths[i]);
      for (int t = 0; t < lengths[i]; t++) {
        types[offsets[i] + t] = (byte) e.types()[t];
      }
    }
  }

  /**
   * Tokenises on all cores; the result does not depend on how many there are.
   *
   * @param maxTokens longest example, specials included; what is longer is cut and counted
   */
  public static TokenizedDataset of(Dataset data, Tokenizer tokenizer, int maxTokens) {
    boolean pair = data.task().pair();
    List<Encoding> encodings =
        data.examples().parallelStream()
            .map(row -> tokenizer.encode(row.first(), pair ? row.second() : null, maxTokens))
            .toList();
    return new TokenizedDataset(data, encodings);
  }

  public Dataset data() {
    return data;
  }

  public int size() {
    return lengths.length;
  }

  /** Tokens of each example. */
  public int[] lengths() {
    return lengths.clone();
  }

  /** Tokens of all examples. */
  public long tokenCount() {
    return tokens.length;
  }

  /** How many examples were cut. */
  public int truncated() {
    return truncated;
  }

  /** Tokens of the longest example before it was cut. */
  public int longestBeforeTruncation() {
    return longest;
  }

  /**
   * The examples of these indices, in this order; each one's index is its random stream. Labels and
   * targets are null where the data has none.
   */
  public PackedBatch pack(int[] indices) {
    int[] starts = new int[indices.length + 1];
    for (int b = 0; b < indices.length; b++) {
      starts[b + 1] = starts[b] + lengths[indices[b]];
    }
    int[] ids = new int[starts[indices.length]];
    int[] kinds = new int[ids.length];
    boolean classes = data.labelled() && !data.task().regression();
    boolean values = data.labelled() && data.task().regression();
    int[] labels = classes ? new int[indices.length] : null;
    float[] targets = values ? new float[indices.length] : null;
    for (int b = 0; b < indices.length; b++) {
      int i = indices[b];
      System.arraycopy(tokens, offsets[i], ids, starts[b], lengths[i]);
      for (int t = 0; t < lengths[i]; t++) {
        kinds[starts[b] + t] = types[offsets[i] + t];
      }
      if (classes) {
        labels[b] = data.examples().get(i).label();
      }
      if (values) {
        targets[b] = data.examples().get(i).target();
      }
    }
    return new PackedBatch(ids, kinds, starts, indices.clone(), labels, targets);
  }
}
