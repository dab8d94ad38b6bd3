package io.holdfast.model.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.ModelConfig.HeadInit;
import io.holdfast.model.files.StrictJson;
import io.holdfast.model.io.Assets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The real vocabularies of MiniLM and RoBERTa. */
class TokenizersTest {

  private static final String TOKENIZER = "tokenizer.json";

  @TempDir Path folder;

  private static ModelConfig config(Architecture architecture) {
    boolean bert = architecture == Architecture.BERT;
    return new ModelConfig(
        architecture,
        bert ? 30522 : 50265,
        8,
        1,
        1,
        8,
        bert ? 512 : 514,
        bert ? 2 : 1,
        1e-5f,
        0f,
        0f,
        0f,
        0.02f,
        bert ? 0 : 1,
        HeadInit.HUGGINGFACE,
        false,
        List.of("a", "b"));
  }

  private static Path needed(Path path) {
    Assumptions.assumeTrue(Files.exists(path), path.getFileName() + " is not here");
    return path;
  }

  private static Path robertaFiles() {
    return needed(Path.of(System.getProperty("holdfast.shared"), "models", "roberta-base-bpe"));
  }

  private static Path miniLmFile() {
    return needed(Assets.folder().resolve("minilm").resolve(TOKENIZER));
  }

  private Tokenizer bert() throws IOException {
    copy(miniLmFile(), TOKENIZER);
    return Tokenizers.open(folder, config(Architecture.BERT));
  }

  private Tokenizer roberta() throws IOException {
    copy(robertaFiles().resolve(TOKENIZER), TOKENIZER);
    return Tokenizers.open(folder, config(Architecture.ROBERTA));
  }

  private void copy(Path file, String name) throws IOException {
    Files.createDirectories(folder);
    Files.write(folder.resolve(name), Files.readAllBytes(file));
  }

  /** Real lines: CoLA, TREC and SST-2, and strings no corpus has. */
  private static List<String> lines() throws IOException {
    Path data = needed(Path.of(System.getProperty("holdfast.shared"), "data"));
    List<String> lines = new ArrayList<>(HOSTILE);
    for (String name :
        List.of("CoLA/train.tsv", "TREC/train.tsv", "STS-B/dev.tsv", "SNLI-small/dev.tsv")) {
      try (Stream<String> file = Files.lines(data.resolve(name))) {
        file.limit(1400).forEach(lines::add);
      }
    }
    assertTrue(lines.size() >= 5000, lines.size() + " lines");
    return lines;
  }

  private static final List<String> HOSTILE =
      List.of(
          "",
          " ",
          "\0",
          "a\0b",
          "\t\r\n",
          "\uD83D",
          "\uDE42\uD83D",
          "a\uD83Db",
          "🙂👩‍👩‍👧‍👦🇩🇪",
          "東京都 中文 한국어",
          "e\u0301 é Å \u212B",
          "\u200B\u200D\uFEFF\u2028",
          "\u202Etxet",
          "<s></s><mask> [CLS][SEP] [MASK]",
          "x".repeat(10_000),
          "word ".repeat(5_000),
          "\uFFFD\uFFFE\uFFFF",
          "ſİıß",
          "\u0001\u0007\u001B[0m");

  static Stream<Arguments> robertaVectors() {
    return Stream.of(
        Arguments.of("Hello world!", ids(0, 31414, 232, 328, 2)),
        Arguments.of("Hello world", ids(0, 31414, 232, 2)),
        Arguments.of(
            "No Weapons of Mass Destruction Found in Iraq Yet.",
            ids(0, 3084, 28054, 9, 5370, 43207, 11911, 11, 3345, 3507, 4, 2)),
        Arguments.of(
            "naïve café — 東京 🙂",
            ids(0, 2133, 48350, 26059, 93, 47416, 46, 15389, 46499, 11582, 45868, 2)),
        Arguments.of(
            "  two  spaces\tand tab\n", ids(0, 1437, 80, 1437, 5938, 50117, 463, 12207, 50118, 2)),
        Arguments.of("", ids(0, 2)));
  }

  private static int[] ids(int... ids) {
    return ids;
  }

  @ParameterizedTest
  @MethodSource("robertaVectors")
  void robertaIds(String text, int[] expected) throws IOException {
    try (Tokenizer t = roberta()) {
      assertArrayEquals(expected, t.encode(text, null, 512).ids());
    }
  }

  @Test
  void robertaPairsHaveTwoSeparatorsAndNoTypes() throws IOException {
    try (Tokenizer t = roberta()) {
      Encoding e = t.encode("Hello world", "Hello", 512);
      assertArrayEquals(ids(0, 31414, 232, 2, 2, 31414, 2), e.ids());
      assertArrayEquals(new int[7], e.types());
    }
  }

  @Test
  void anySetOfRobertaFilesGivesTheSameIds() throws IOException {
    Path source = robertaFiles();
    try (Tokenizer json = roberta()) {
      Path saved = folder.resolve("saved");
      json.save(saved, json.modelMaxLength());
      Path older = Files.createDirectories(folder.resolve("older"));
      Files.copy(saved.resolve("vocab.json"), older.resolve("vocab.json"));
      Files.copy(saved.resolve("merges.txt"), older.resolve("merges.txt"));
      Path fairseq = Files.createDirectories(folder.resolve("fairseq"));
      for (String name : List.of("encoder.json", "vocab.bpe", "dict.txt")) {
        Files.copy(source.resolve(name), fairseq.resolve(name));
      }
      assertSameIds(json, List.of(saved, older, fairseq), config(Architecture.ROBERTA));
    }
  }

  @Test
  void vocabTxtGivesTheSameIdsAsTokenizerJson() throws IOException {
    try (Tokenizer json = bert()) {
      Path saved = folder.resolve("saved");
      json.save(saved, json.modelMaxLength());
      Path older = Files.createDirectories(folder.resolve("older"));
      Files.copy(saved.resolve("vocab.txt"), older.resolve("vocab.txt"));
      assertSameIds(json, List.of(saved, older), config(Architecture.BERT));
    }
  }

  private static void assertSameIds(Tokenizer expected, List<Path> folders, ModelConfig config)
      throws IOException {
    List<String> lines = lines();
    List<Encoding> wanted =
        lines.stream().map(line -> expected.encode(line, null, 100_000)).toList();
    Encoding pair = expected.encode(lines.get(0), lines.get(1), 100_000);
    for (Path folder : folders) {
      try (Tokenizer t = Tokenizers.open(folder, config)) {
        assertArrayEquals(pair.types(), t.encode(lines.get(0), lines.get(1), 100_000).types());
        for (int i = 0; i < lines.size(); i++) {
          assertArrayEquals(
              wanted.get(i).ids(), t.encode(lines.get(i), null, 100_000).ids(), lines.get(i));
        }
      }
    }
  }

  @Test
  void casedVocabulariesAreNotLowerCased() throws IOException {
    String pieces = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nHe\nhe\n##llo\n";
    Files.writeString(folder.resolve("vocab.txt"), pieces);
    try (Tokenizer t = Tokenizers.open(folder, config(Architecture.BERT))) {
      assertArrayEquals(ids(2, 5, 7, 3), t.encode("Hello", null, 9).ids());
    }
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"do_lower_case\":true}");
    try (Tokenizer t = Tokenizers.open(folder, config(Architecture.BERT))) {
      assertArrayEquals(ids(2, 6, 7, 3), t.encode("Hello", null, 9).ids());
    }
  }

  /** What is saved splits text alike for whoever reads either file. */
  @Test
  void bothFilesOfWhatIsSavedSayTheSame() throws IOException {
    String pieces = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nHe\nhe\n##llo\n";
    Files.writeString(folder.resolve("vocab.txt"), pieces);
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"model_max_length\":512,\"truncation_side\":\"left\"}");
    Path saved = Files.createDirectory(folder.resolve("saved"));
    try (Tokenizer t = Tokenizers.open(folder, config(Architecture.BERT))) {
      t.save(saved, 512);
    }
    String settings = Files.readString(saved.resolve("tokenizer_config.json"));
    assertTrue(settings.contains("\"do_lower_case\" : false"), settings);
    assertTrue(settings.contains("\"truncation_side\" : \"right\""), settings);
    Files.writeString(saved.resolve("tokenizer_config.json"), "{\"do_lower_case\":true}");
    try (Tokenizer t = Tokenizers.open(saved, config(Architecture.BERT))) {
      assertArrayEquals(ids(2, 6, 7, 3), t.encode("Hello", null, 9).ids());
    }
  }

  /** Hugging Face 4.40: 0 20920 232 2 with a space before the first word, 0 31414 232 2 without. */
  @Test
  void aSpaceBeforeTheFirstWordIsAsTheSettingsSay() throws IOException {
    try (Tokenizer t = roberta()) {
      assertArrayEquals(ids(0, 31414, 232, 2), t.encode("Hello world", null, 9).ids());
      t.save(folder, 512);
    }
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"add_prefix_space\":true}");
    for (boolean fast : new boolean[] {true, false}) {
      if (!fast) {
        Files.delete(folder.resolve("tokenizer.json"));
      }
      try (Tokenizer t = Tokenizers.open(folder, config(Architecture.ROBERTA))) {
        assertArrayEquals(ids(0, 20920, 232, 2), t.encode("Hello world", null, 9).ids());
      }
    }
  }

  @Test
  void vocabulariesThatSayTooLittleAreRefused() throws IOException {
    Files.writeString(folder.resolve("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhe\n");
    Path settings = folder.resolve("tokenizer_config.json");
    Files.writeString(settings, "{\"tokenizer_class\":\"BertJapaneseTokenizer\"}");
    assertRefused("is of a BertJapaneseTokenizer: save it with tokenizer.json");
    Files.writeString(settings, "{\"additional_special_tokens\":[\"[E2]\",\"[SEP]\"]}");
    assertRefused("tokens were added to it ([E2])");
    Files.writeString(settings, "{\"added_tokens_decoder\":{\"6\":{\"content\":\"[E3]\"}}}");
    assertRefused("tokens were added to it ([E3])");
    Files.delete(settings);
    Files.writeString(folder.resolve("added_tokens.json"), "{\"[E1]\":6}");
    assertRefused("tokens were added to it ([E1])");
  }

  @Test
  void hostileTextIsEncoded() throws IOException {
    for (boolean roberta : new boolean[] {false, true}) {
      try (Tokenizer t = roberta ? roberta() : bert()) {
        for (String text : HOSTILE) {
          Encoding e = t.encode(text, text, 64);
          assertTrue(e.ids().length <= 64 && e.ids().length == e.types().length, text);
          for (int id : e.ids()) {
            assertTrue(id >= 0 && id < (roberta ? 50265 : 30522), text);
          }
        }
        assertArrayEquals(
            t.encode("a\uFFFDb", null, 64).ids(), t.encode("a\uD83Db", null, 64).ids());
      }
    }
  }

  /** The file asks for padding and truncation to 128. */
  @Test
  void lengthIsOursAlone() throws IOException {
    try (Tokenizer t = bert()) {
      Encoding e = t.encode("word ".repeat(300), null, 512);
      assertEquals(302, e.ids().length);
      assertTrue(!e.truncated());
      assertEquals(3, t.encode("word", null, 512).ids().length);
    }
  }

  @Test
  void cutsTheLongerTextFirst() throws IOException {
    try (Tokenizer t = bert()) {
      // ids: a 1037, b 1038; 3 specials
      assertArrayEquals(ids(101, 1037, 1037, 102), t.encode("a a a a", null, 4).ids());
      assertEquals(6, t.encode("a a a a", null, 4).fullLength());
      assertPair(t, 2, 5, 8, 2, 3);
      assertPair(t, 5, 2, 8, 3, 2);
      assertPair(t, 5, 8, 12, 4, 5);
      assertPair(t, 8, 5, 12, 5, 4);
      assertPair(t, 6, 6, 12, 4, 5);
      assertPair(t, 1, 9, 3, 0, 0);
      HoldfastException e = assertThrows(HoldfastException.class, () -> t.encode("a", "b", 2));
      assertEquals(HoldfastException.Kind.USAGE, e.kind());
    }
  }

  /** The library's own truncation, which files may ask for, as the judge of lengths. */
  @Test
  void cutsAsHuggingFaceDoes() throws IOException {
    Files.writeString(folder.resolve("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n");
    try (Tokenizer t = Tokenizers.open(folder, config(Architecture.BERT))) {
      t.save(folder, t.modelMaxLength());
      for (int most = 3; most <= 14; most++) {
        Map<String, String> options =
            Map.of("truncation", "longest_first", "padding", "false", "maxLength", "" + most);
        try (HuggingFaceTokenizer judge =
            HuggingFaceTokenizer.newInstance(folder.resolve(TOKENIZER), options)) {
          for (int a = 0; a <= 7; a++) {
            for (int b = 0; b <= 7; b++) {
              String first = "a ".repeat(a);
              String second = "b ".repeat(b);
              assertArrayEquals(
                  Arrays.stream(judge.encode(first, second).getIds())
                      .mapToInt(Math::toIntExact)
                      .toArray(),
                  t.encode(first, second, most).ids(),
                  a + " and " + b + " into " + most);
            }
          }
        }
      }
    }
  }

  private static void assertPair(Tokenizer t, int a, int b, int most, int keptA, int keptB) {
    Encoding e = t.encode("a ".repeat(a), "b ".repeat(b), most);
    int[] ids = e.ids();
    assertEquals(keptA + keptB + 3, ids.length);
    assertEquals(102, ids[1 + keptA]);
    assertEquals(102, ids[ids.length - 1]);
    assertEquals(keptB + 1, Arrays.stream(e.types()).sum());
    assertEquals(a + b + 3, e.fullLength());
  }

  @Test
  void savesWhatHuggingFaceReads() throws IOException {
    try (Tokenizer t = roberta()) {
      Path saved = folder.resolve("saved");
      t.save(saved, t.modelMaxLength());
      ObjectNode config = StrictJson.readObject(saved.resolve("tokenizer_config.json"), 1 << 20);
      assertEquals("RobertaTokenizer", config.path("tokenizer_class").asText());
      assertEquals(512, config.path("model_max_length").asInt());
      assertEquals(false, config.path("add_prefix_space").asBoolean(true));
      ObjectNode map = StrictJson.readObject(saved.resolve("special_tokens_map.json"), 1 << 20);
      assertEquals("<mask>", map.path("mask_token").asText());
      assertEquals(50265, StrictJson.readObject(saved.resolve("vocab.json"), 1 << 22).size());
      assertEquals(50001, Files.readAllLines(saved.resolve("merges.txt")).size());
    }
  }

  @Test
  void refusesVocabulariesThatDoNotFit() throws IOException {
    assertRefused("has no tokenizer");
    Files.writeString(folder.resolve("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n");
    assertRefused("no token [MASK]");
    Files.writeString(folder.resolve("vocab.txt"), "[PAD]\na\na\n");
    assertRefused("vocab.txt:3: 'a' is there twice");
    Files.writeString(folder.resolve(TOKENIZER), "{\"model\":{}}");
    assertRefused("has no vocabulary");
    Files.writeString(folder.resolve(TOKENIZER), "{\"model\":{\"vocab\":{\"a\":1.5}}}");
    assertRefused("not a whole number");
    Files.writeString(
        folder.resolve(TOKENIZER), "{\"model\":{\"type\":\"x\",\"vocab\":{\"a\":1}}}");
    assertRefused("not a usable tokenizer");
    Files.writeString(
        folder.resolve(TOKENIZER),
        """
        {"version": "1.0", "model": {"type": "WordPiece", "unk_token": "a",
         "continuing_subword_prefix": "##", "max_input_chars_per_word": 9, "vocab": {"a": 30522}}}
        """);
    assertRefused("its ids go up to 30522, but the model has 30522 words");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "0; 0; 30521; 1; ",
        "0; 0; 30522; 0; gives id 30522, but the model has 30522",
        "999999; 0; 0; 0; gives id 999999",
        "4294967295; 0; 0; 0; gives id 4294967295",
        "0; 5; 0; 0; gives token type 5, but the model has 2",
        "0; 0; 0; 2; gives token type 2, but the model has 2",
      })
  void refusesIdsAndTypesThatTheModelDoesNotHave(
      long id, int type, long pairId, int textType, String defect) throws IOException {
    Files.writeString(
        folder.resolve(TOKENIZER),
        """
        {"version": "1.0", "model": {"type": "WordPiece", "unk_token": "a",
         "continuing_subword_prefix": "##", "max_input_chars_per_word": 9, "vocab": {"a": 0}},
         "post_processor": {"type": "TemplateProcessing",
          "single": [{"SpecialToken": {"id": "[CLS]", "type_id": %d}},
                     {"Sequence": {"id": "A", "type_id": 0}}],
          "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                   {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                   {"Sequence": {"id": "B", "type_id": %d}}],
          "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [%d], "tokens": ["[CLS]"]},
                             "[SEP]": {"id": "[SEP]", "ids": [%d], "tokens": ["[SEP]"]}}}}
        """
            .formatted(type, textType, id, pairId));
    if (defect == null) {
      try (Tokenizer t = Tokenizers.open(folder, config(Architecture.BERT))) {
        assertArrayEquals(ids(0, 30521, 0), t.encode("a", "a", 9).ids());
        assertArrayEquals(ids(0, 0, 1), t.encode("a", "a", 9).types());
      }
    } else {
      assertRefused("tokenizer.json: " + defect);
    }
  }

  @Test
  void aWordThatNoPieceCoversIsTheFilesFault() throws IOException {
    Files.writeString(
        folder.resolve(TOKENIZER),
        """
        {"version": "1.0", "model": {"type": "WordPiece", "unk_token": "[UNK]",
         "continuing_subword_prefix": "##", "max_input_chars_per_word": 9, "vocab": {"a": 0}}}
        """);
    try (Tokenizer t = Tokenizers.open(folder, config(Architecture.BERT))) {
      assertArrayEquals(ids(0), t.encode("a", null, 9).ids());
      HoldfastException e = assertThrows(HoldfastException.class, () -> t.encode("z", null, 9));
      assertTrue(e.getMessage().contains("tokenizer.json: not a usable tokenizer"));
    }
  }

  @Test
  void aClosedTokenizerSaysSo() throws IOException {
    Tokenizer t = bert();
    t.close();
    t.close();
    assertThrows(IllegalStateException.class, () -> t.encode("a", null, 9));
  }

  private void assertRefused(String part) {
    HoldfastException e =
        assertThrows(
            HoldfastException.class, () -> Tokenizers.open(folder, config(Architecture.BERT)));
    assertEquals(HoldfastException.Kind.MODEL_FILE, e.kind());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }
}
