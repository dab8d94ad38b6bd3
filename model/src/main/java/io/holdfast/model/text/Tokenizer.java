package io.holdfast.model.text;

import java.nio.file.Path;
import java.util.List;

/**
 * From text to token ids, and its files. Implementations are immutable and safe to use from several
 * threads.
 */
public interface Tokenizer extends AutoCloseable {

  /**
   * @param second null for a single text
   * @param maxTokens longest result, specials included; pairs are cut longest-first, one token at a
   *     time from the end
   */
  Encoding encode(String first, String second, int maxTokens);

  /** {@link #encode} for many rows at once; {@code seconds} is null for single texts. */
  List<Encoding> encodeAll(List<String> firsts, List<String> seconds, int maxTokens);

  int vocabSize();

  /**
   * Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json and the vocabulary files
   * Hugging Face reads.
   */
  void save(Path folder);

  @Override
  void close();
}
