package io.holdfast.cli;

import java.util.Collection;
import java.util.Comparator;
import java.util.stream.IntStream;

/** The known name a mistyped one is closest to. */
final class Nearest {

  private Nearest() {}

  static String of(String typed, Collection<String> known) {
    return known.stream()
        .filter(name -> name.length() > 2)
        .min(
            Comparator.<String>comparingInt(name -> score(typed, name))
                .thenComparing(Comparator.naturalOrder()))
        .orElseThrow();
  }

  /** Edits from the typed name, or one more than those from the end of a longer name. */
  private static int score(String typed, String name) {
    int score = distance(typed, name);
    for (int dash = name.indexOf('-', 2); dash > 0; dash = name.indexOf('-', dash + 1)) {
      score = Math.min(score, 1 + distance(typed, "-" + name.substring(dash)));
    }
    return score;
  }

  /** Levenshtein's edit distance. */
  private static int distance(String a, String b) {
    int[] row = IntStream.rangeClosed(0, b.length()).toArray();
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
