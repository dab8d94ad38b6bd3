package io.holdfast.engine.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.compare.Trials.Range;
import io.holdfast.kernels.HoldfastException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrialsTest {

  private static final Map<String, String> COMMON =
      Map.of("model", "m", "data_dir", "d", "learning_rate", "2e-5");

  static List<Trial> plan(Path folder, List<Long> seeds, String... criteria) {
    Map<String, Map<String, String>> settings = new java.util.LinkedHashMap<>();
    for (String criterion : criteria) {
      settings.put(criterion, Map.of("criterion", criterion));
    }
    return Trials.plan(COMMON, Map.of("rte", Map.of("task", "rte")), settings, seeds, folder);
  }

  @Test
  void aSeedIsDoneBeforeTheNext() {
    List<Trial> trials = plan(Path.of("out"), List.of(3L, 4L), "cross_entropy", "r3f");
    assertEquals(
        List.of("rte-cross_entropy-3", "rte-r3f-3", "rte-cross_entropy-4", "rte-r3f-4"),
        trials.stream().map(Trial::name).toList());
    Trial last = trials.get(3);
    assertEquals("r3f", last.config().criterion());
    assertEquals(4, last.config().seed());
    assertEquals(2e-5, last.config().learningRate());
    assertEquals(Path.of("out", "rte-r3f-4"), last.config().outputDir());
  }

  @Test
  void productGoesThroughEveryCombination() {
    Map<String, List<String>> values = new java.util.LinkedHashMap<>();
    values.put("learning_rate", List.of("1e-5", "3e-5"));
    values.put("model", List.of("a/b", "c"));
    Map<String, Map<String, String>> all = Trials.product(values);
    assertEquals(
        List.of(
            "learning-rate=1e-5_model=a-b",
            "learning-rate=1e-5_model=c",
            "learning-rate=3e-5_model=a-b",
            "learning-rate=3e-5_model=c"),
        List.copyOf(all.keySet()));
    assertEquals(
        Map.of("learning_rate", "1e-5", "model", "a/b"), all.get("learning-rate=1e-5_model=a-b"));
    assertThrows(
        HoldfastException.class, () -> Trials.product(Map.of("model", List.of("a/b", "a-b"))));
  }

  @Test
  void rangesGoFromLowToHigh() {
    Range log = new Range(1e-6, 1e-4, true, false);
    assertEquals("1.0E-6", log.at(0));
    assertEquals("1.0E-5", log.at(0.5)); // the geometric mean
    assertEquals("1.0E-4", log.at(1));
    assertEquals("0.25", new Range(0, 0.5, false, false).at(0.5));
    assertEquals("3", new Range(1, 5, false, true).at(0.55)); // 3.2
  }

  /** 400 draws of a log-uniform value: the mean exponent has a standard error of 2/√12/√400. */
  @Test
  void drawsAreUniformInTheLogarithmAndKeyed() {
    Range range = new Range(1e-6, 1e-4, true, false);
    Map<String, List<String>> lists = Map.of("r3f_dropout", List.of("independent", "shared"));
    var all = Trials.random(400, 1, lists, Map.of("learning_rate", range));
    double[] exponents =
        all.values().stream()
            .mapToDouble(one -> Math.log10(Double.parseDouble(one.get("learning_rate"))))
            .toArray();
    double error = 2 / Math.sqrt(12) / Math.sqrt(400);
    assertEquals(-5, Statistics.mean(exponents), 4 * error);
    assertTrue(Statistics.quantile(exponents, 0) >= -6 && Statistics.quantile(exponents, 1) <= -4);
    long shared = all.values().stream().filter(o -> o.get("r3f_dropout").equals("shared")).count();
    assertEquals(200, shared, 4 * 10); // √(400·¼)
    // Fewer trials, or one more option, draw the same values; another seed others.
    var fewer = Trials.random(5, 1, Map.of(), Map.of("learning_rate", range));
    fewer.forEach(
        (name, one) -> assertEquals(all.get(name).get("learning_rate"), one.get("learning_rate")));
    assertFalse(fewer.equals(Trials.random(5, 2, Map.of(), Map.of("learning_rate", range))));
  }

  @Test
  void whatWasDrawnBeforeIsLeftOut() {
    var lists = Map.of("eps", List.of("1e-5", "1e-3"), "adam_beta1", List.of("0.9", "0.8"));
    var all = Trials.random(20, 1, lists, Map.of());
    assertEquals(4, all.size(), "of 2 · 2 there are: " + all);
    assertEquals(4, Set.copyOf(all.values()).size());
  }

  @Test
  void seedsAreRangesAndNumbers() {
    assertEquals(List.of(0L, 1L, 2L, 7L), Trials.seeds("0-2, 7"));
    assertEquals(List.of(-3L), Trials.seeds("-3"));
    assertEquals(List.of(5L), Trials.seeds("5-5"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "3-1", "1,,2", "1-", "1,1", "0-3,2", "0-99999999"})
  void otherSeedsAreRefused(String text) {
    assertThrows(HoldfastException.class, () -> Trials.seeds(text));
  }
}
