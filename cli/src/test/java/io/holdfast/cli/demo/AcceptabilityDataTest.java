package io.holdfast.cli.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.cli.demo.LanguageToolExamples.Pair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AcceptabilityDataTest {

  private static List<Pair> rules;

  @BeforeAll
  static void read() {
    Path file = Path.of(System.getProperty("holdfast.assets", ""), "languagetool", "grammar.xml");
    Assumptions.assumeTrue(Files.exists(file), "the build has not unpacked LanguageTool's rules");
    rules = LanguageToolExamples.read(file);
  }

  private static Set<String> sentences(List<Pair> pairs) {
    return pairs.stream()
        .flatMap(pair -> Stream.of(pair.wrong(), pair.right()))
        .map(String::toLowerCase)
        .collect(Collectors.toSet());
  }

  @Test
  void neitherRulesNorSentencesAreInBothFiles() {
    AcceptabilityData data = AcceptabilityData.of(rules, 100_000, 100_000);
    assertTrue(data.train().size() > 4000, () -> "train " + data.train().size());
    assertTrue(data.dev().size() > 500, () -> "dev " + data.dev().size());
    Set<String> shared = data.train().stream().map(Pair::rule).collect(Collectors.toSet());
    shared.retainAll(data.dev().stream().map(Pair::rule).collect(Collectors.toSet()));
    assertEquals(Set.of(), shared);

    Set<String> train = sentences(data.train());
    Set<String> dev = sentences(data.dev());
    assertEquals(2 * data.train().size(), train.size());
    assertEquals(2 * data.dev().size(), dev.size());
    Set<String> both = new HashSet<>(train);
    both.retainAll(dev);
    assertEquals(Set.of(), both);
  }

  @Test
  void dropsWhatAnUncasedVocabularyCannotTellApart() {
    List<Pair> pairs =
        List.of(
            new Pair("CASE", "I like the dutch cheese.", "I like the Dutch cheese."),
            new Pair("ACCENT", "We met in the cafe.", "We met in the café."),
            new Pair("SPACE", "We met in the bath room.", "We met in the bathroom."),
            new Pair("SHORT", "Thanks you much", "Thank you much"),
            new Pair("GOOD", "He like the cheese.", "He likes the cheese."),
            new Pair("AGAIN", "he like the cheese.", "He liked the cheese."));
    AcceptabilityData data = AcceptabilityData.of(pairs, 10, 10);
    assertEquals(
        List.of("GOOD"),
        Stream.concat(data.train().stream(), data.dev().stream()).map(Pair::rule).toList());
  }

  @Test
  void isAFunctionOfTheExamples(@TempDir Path folder) throws IOException {
    AcceptabilityData.of(rules, 50, 20).write(folder.resolve("a"));
    AcceptabilityData.of(rules, 50, 20).write(folder.resolve("b"));
    for (String name : List.of("train.tsv", "dev.tsv")) {
      assertEquals(
          -1, Files.mismatch(folder.resolve("a").resolve(name), folder.resolve("b/" + name)));
    }
    List<String> rows = Files.readAllLines(folder.resolve("a/train.tsv"));
    assertEquals("sentence\tlabel\trule", rows.get(0));
    assertEquals(101, rows.size());
    assertEquals(50, rows.stream().filter(row -> row.split("\t")[1].equals("acceptable")).count());
    assertFalse(rows.stream().anyMatch(row -> row.split("\t").length != 3));
  }
}
