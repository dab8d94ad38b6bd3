package io.holdfast.engine.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.Results;
import java.util.List;
import org.junit.jupiter.api.Test;

class SummaryTest {

  /** 0.6, 0.7 against 0.62, 0.76: mean +0.04, both up: p = ½; s.d. 0.1/√2 and 0.14/√2. */
  private static final Summary SUMMARY =
      new Summary(
          Comparison.of(
              List.of(
                  Results.of("cross_entropy", 1, 0.6),
                  Results.of("r3f", 1, 0.62),
                  Results.of("cross_entropy", 2, 0.7),
                  Results.of("r3f", 2, 0.76)),
              null,
              Comparison.Order.GIVEN));

  @Test
  void textIsAligned() {
    List<String> lines = SUMMARY.text().lines().toList();
    assertEquals("rte: accuracy, majority class 0.5000", lines.get(0));
    String[] words = lines.get(3).split("\\s{2,}");
    assertEquals(
        List.of(
            "r3f",
            "2",
            "0",
            "0.6900",
            "0.0990",
            "0.6900",
            "0.6200",
            "0.7600",
            "0.6200 – 0.7600",
            "0.6900",
            "+0.0400",
            "0.500",
            "20.0",
            "2.00",
            "3"),
        List.of(words));
    assertEquals(lines.get(1).length(), lines.get(2).length());
    assertEquals(lines.get(1).length(), lines.get(3).length());
  }

  @Test
  void markdownHasAsManyCellsInEveryRow() {
    List<String> rows = SUMMARY.markdown().lines().filter(line -> line.startsWith("|")).toList();
    assertEquals(4, rows.size());
    rows.forEach(row -> assertEquals(16, row.chars().filter(c -> c == '|').count(), row));
    assertTrue(rows.get(2).startsWith("| cross_entropy | 2 | 0 | 0.6500 | 0.0707 |"), rows.get(2));
  }

  @Test
  void jsonHasTheNumbersOfTheTable() {
    var r3f = SUMMARY.json().at("/tasks/0/arms/1");
    assertEquals(0.69, r3f.path("mean").asDouble(), 1e-12);
    assertEquals(0.04, r3f.path("difference").asDouble(), 1e-12);
    assertEquals(0.5, r3f.path("p").asDouble());
    assertEquals(2, r3f.path("seeds").size());
    assertEquals(0.76, r3f.at("/scores/1").asDouble());
  }
}
