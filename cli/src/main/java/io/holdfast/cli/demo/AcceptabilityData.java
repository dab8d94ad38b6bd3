package io.holdfast.cli.demo;

import io.holdfast.cli.demo.LanguageToolExamples.Pair;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import java.util.zip.CRC32C;

/**
 * Grammatical acceptability from LanguageTool's examples: a wrong sentence is unacceptable, its
 * correction acceptable. Half of each file is of either class, no rule is in both files, and no
 * sentence occurs twice. What is in them depends on the examples alone.
 *
 * @param train pairs of the training file, in file order
 * @param dev pairs of the development file
 */
record AcceptabilityData(List<Pair> train, List<Pair> dev) {

  static final String SENTENCE = "sentence";
  static final String LABEL = "label";

  /** One rule in this many goes to the development file. */
  private static final int DEV_SHARE = 8;

  private static final int LONGEST = 160;
  private static final int FEWEST_WORDS = 4;

  /** The usable pairs, at most that many in each file. */
  static AcceptabilityData of(List<Pair> pairs, int trainPairs, int devPairs) {
    Set<String> seen = new HashSet<>();
    List<Pair> usable = pairs.stream().filter(pair -> usable(pair, seen)).toList();
    return new AcceptabilityData(
        sample(usable, pair -> !inDev(pair.rule()), trainPairs),
        sample(usable, pair -> inDev(pair.rule()), devPairs));
  }

  /**
   * Neither too long nor a fragment, different to a reader who ignores case and accents (as an
   * uncased vocabulary does), and both sentences new.
   */
  private static boolean usable(Pair pair, Set<String> seen) {
    String wrong = plain(pair.wrong());
    String right = plain(pair.right());
    int longest = Math.max(pair.wrong().length(), pair.right().length());
    int words = pair.wrong().split(" ").length;
    if (longest > LONGEST || words < FEWEST_WORDS || wrong.equals(right)) {
      return false;
    }
    if (seen.contains(wrong) || seen.contains(right)) {
      return false;
    }
    seen.add(wrong);
    seen.add(right);
    return true;
  }

  private static String plain(String sentence) {
    String decomposed = Normalizer.normalize(sentence, Normalizer.Form.NFD);
    return decomposed.replaceAll("\\p{M}|\\s", "").toLowerCase(Locale.ROOT);
  }

  private static boolean inDev(String rule) {
    return hash(rule) % DEV_SHARE == 0;
  }

  private static List<Pair> sample(List<Pair> pairs, Predicate<Pair> wanted, int most) {
    return pairs.stream()
        .filter(wanted)
        .sorted(Comparator.comparing(pair -> hash(pair.wrong())))
        .limit(most)
        .toList();
  }

  private static long hash(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return crc.getValue();
  }

  /** Writes train.tsv and dev.tsv with the columns sentence, label and rule. */
  void write(Path folder) {
    try {
      Files.createDirectories(folder);
      Files.write(folder.resolve("train.tsv"), rows(train));
      Files.write(folder.resolve("dev.tsv"), rows(dev));
    } catch (IOException e) {
      throw new HoldfastException(
          HoldfastException.Kind.IO,
          folder + ": cannot be written (" + AtomicFile.reason(e) + ")",
          e);
    }
  }

  private static List<String> rows(List<Pair> pairs) {
    List<String> rows = new ArrayList<>();
    rows.add(String.join("\t", SENTENCE, LABEL, "rule"));
    for (Pair pair : pairs) {
      rows.add(String.join("\t", pair.wrong(), "unacceptable", pair.rule()));
      rows.add(String.join("\t", pair.right(), "acceptable", pair.rule()));
    }
    return rows;
  }
}
