package io.holdfast.model.text;

import io.holdfast.model.files.Mutations;
import io.holdfast.model.files.StrictJson;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** 30,000 damaged vocabularies, up to the tokenizer.json that is made of them. */
class VocabularyFuzzTest {

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] bytes) {
    return StrictJson.utf8(bytes, "vocabulary");
  }

  @Test
  void wordPiece() {
    Mutations.run(
        utf8("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhe\n##llo\r\n"),
        10_000,
        bytes -> TokenizerJson.wordPiece(text(bytes), "vocab.txt"));
  }

  @Test
  void byteLevel() {
    Mutations.run(
        utf8("{\"<s>\":0,\"<pad>\":1,\"</s>\":2,\"<unk>\":3,\"<mask>\":4,\"a\":5,\"b\":6}"),
        10_000,
        bytes ->
            TokenizerJson.byteLevel(
                StrictJson.parseObject(bytes, "vocab.json"), "vocab.json", "#version\na b\n"));
  }

  @Test
  void fairseq() {
    Mutations.run(
        utf8("13 850314647\n262 800385005\nmadeupword0000 0\n11 8 #fairseq:overwrite\n"),
        10_000,
        bytes ->
            TokenizerJson.byteLevel(
                FairseqDictionary.vocabulary(
                    StrictJson.parseObject(utf8("{\"a\":13,\"b\":262,\"c\":11}"), "encoder.json"),
                    text(bytes),
                    "dict.txt"),
                "dict.txt",
                "a b\n"));
  }
}
