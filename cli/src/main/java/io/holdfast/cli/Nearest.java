package io.holdfast.cli;

import io.holdfast.engine.options.Options;
import java.util.Collection;
import java.util.Comparator;

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
    int score = Options.distance(typed, name);
    for (int dash = name.indexOf('-', 2); dash > 0; dash = name.indexOf('-', dash + 1)) {
      score = Math.min(score, 1 + Options.distance(typed, "-" + name.substring(dash)));
    }
    return score;
  }
}
