package io.holdfast.engine.compare;

import io.holdfast.engine.compare.RunResult.Point;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Results of runs that were never run. */
public final class Results {

  private Results() {}

  /** A completed run on rte whose last evaluation is its best; majority class 0.5. */
  public static RunResult of(String criterion, long seed, double score, String... config) {
    return of(RunResult.COMPLETED, criterion, seed, score, score, config);
  }

  public static RunResult of(
      String status, String criterion, long seed, double score, double last, String... config) {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("model", "minilm");
    options.put("task", "rte");
    options.put("criterion", criterion);
    options.put("seed", String.valueOf(seed));
    for (int i = 0; i < config.length; i += 2) {
      options.put(config[i], config[i + 1]);
    }
    return new RunResult(
        "rte-" + criterion + "-" + seed,
        options.get("task"),
        status,
        "accuracy",
        score,
        last,
        0.5,
        30,
        status.equals(RunResult.DIVERGED)
            ? Double.NaN
            : criterion.equals("cross_entropy") ? 10 : 20,
        criterion.equals("cross_entropy") ? 1 : 2,
        3 << 20,
        1,
        "a <processor> & more",
        Map.of("accuracy", score),
        List.of(new Point(1, (score + last) / 2), new Point(2, last)),
        List.of(new Point(0.5, 0.7), new Point(1.5, 0.6)),
        new HashMap<>(Map.of("train", "00")),
        options);
  }
}
