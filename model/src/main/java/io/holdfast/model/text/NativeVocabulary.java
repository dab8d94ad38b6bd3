package io.holdfast.model.text;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.holdfast.kernels.HoldfastException;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongFunction;
import java.util.function.LongUnaryOperator;

/**
 * Hugging Face's tokenizers library, reached through DJL's binding: one tokenizer.json, from text
 * to ids. The binding is kept from the network: it would otherwise ask a server for a build that
 * matches an installed CUDA, and report its use.
 */
final class NativeVocabulary implements AutoCloseable {

  private final String place;
  private final int words;
  private final int types;
  private final TokenizersLibrary library;
  // Encoding under the read lock, freeing under the write lock: native memory is never used late.
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private long handle;

  /**
   * @param json a tokenizer.json
   * @param place what messages call it
   * @param words ids of the model; a file that gives others is refused
   * @param types token types, likewise
   */
  NativeVocabulary(String json, String place, int words, int types) {
    this.place = place;
    this.words = words;
    this.types = types;
    this.library = load();
    try {
      this.handle = library.createTokenizerFromString(json);
    } catch (RuntimeException e) {
      throw unusable(e);
    }
  }

  private static TokenizersLibrary load() {
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    try {
      LibUtils.checkStatus();
      return TokenizersLibrary.LIB;
    } catch (EngineException | LinkageError e) {
      throw new HoldfastException(
          HoldfastException.Kind.BACKEND,
          "the tokenizers library cannot be loaded ("
              + firstLine(e)
              + "); it needs 64-bit Linux, macOS or Windows and room to unpack: set DJL_CACHE_DIR"
              + " to a writable folder",
          e);
    }
  }

  /** The ids of {@code text} alone, without specials. */
  int[] ids(String text) {
    return encode(
        tokenizer -> library.encode(tokenizer, wellFormed(text), false),
        encoding -> below(words, "id", library.getTokenIds(encoding)));
  }

  /**
   * The library's own encoding of a single text ({@code second} null) or a pair.
   *
   * @return rows of equal length: ids, token types, the text each token is from (−1: a special)
   */
  int[][] withSpecials(String first, String second) {
    return encode(
        tokenizer ->
            second == null
                ? library.encode(tokenizer, first, true)
                : library.encodeDual(tokenizer, first, second, true),
        encoding ->
            new int[][] {
              below(words, "id", library.getTokenIds(encoding)),
              below(types, "token type", library.getTypeIds(encoding)),
              below(2, "text", library.getSequenceIds(encoding))
            });
  }

  private <T> T encode(LongUnaryOperator start, LongFunction<T> take) {
    lock.readLock().lock();
    try {
      if (handle == 0) {
        throw new IllegalStateException("the tokenizer is closed");
      }
      long encoding = start(start);
      try {
        return take.apply(encoding);
      } finally {
        library.deleteEncoding(encoding);
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Some defects of a file show only here, like a word that no piece covers. */
  private long start(LongUnaryOperator start) {
    try {
      return start.applyAsLong(handle);
    } catch (RuntimeException e) {
      throw unusable(e);
    }
  }

  private HoldfastException unusable(RuntimeException e) {
    return new HoldfastException(
        HoldfastException.Kind.MODEL_FILE, place + ": not a usable tokenizer: " + firstLine(e), e);
  }

  /** Half surrogate pairs, which no UTF-8 can hold, become U+FFFD. */
  static String wellFormed(String text) {
    int[] points =
        text.codePoints()
            .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xFFFD : c)
            .toArray();
    return new String(points, 0, points.length);
  }

  private int[] below(int bound, String what, long[] values) {
    for (long value : values) {
      if (value >= bound) {
        throw TokenizerJson.bad(
            place, String.format("gives %s %s, but the model has %s of them", what, value, bound));
      }
    }
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }

  private static String firstLine(Throwable e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return message.lines().findFirst().orElse("");
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (handle != 0) {
        library.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
