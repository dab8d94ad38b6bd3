package io.holdfast.model.text;

import java.nio.file.Path;

/**
 * From text to token ids, and its files. Implementations are immutable and safe to use from several
 * threads.
 */
public interface Tokenizer extends AutoCloseable {

  /**
   * @param second null for a single text
   * @param maxTokens longest result, specials included. What is too long is cut from the end: a
   *     pair longest-first, a token at a time, until it fits; of two texts cut to within one token
   *     of each other, the one that was longer (the second, if neither was) keeps the odd token.
   *     These are the lengths Hugging Face's fast tokenizers give.
   */
  Encoding encode(String first, String second, int maxTokens);

  /** tokenizer.json as {@link #save} writes it: equal texts, equal tokens. */
  String json();

  /** The longest input in tokens its files advise (model_max_length); a large number for none. */
  int modelMaxLength();

  /**
   * Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json and the vocabulary files
   * Hugging Face reads.
   *
   * @param modelMaxLength what {@link #modelMaxLength} will be
   */
  void save(Path folder, int modelMaxLength);

  @Override
  void close();
}
