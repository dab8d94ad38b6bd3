package io.holdfast.engine.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class AxisTest {

  /** Eight ticks on 3 would be 0.375 apart: the next round step is 0.5. */
  @Test
  void ticksAreRound() {
    Axis axis = Axis.of(0, 3, 100, 400, 8);
    assertEquals(List.of(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0), axis.ticks());
    assertEquals("1.5", axis.label(1.5));
    assertEquals(250, axis.at(1.5));
    Axis upwards = Axis.of(0.51, 0.62, 300, 10, 6); // 0.018: 0.02
    assertEquals(List.of("0.52", "0.54", "0.56", "0.58", "0.60", "0.62"), labels(upwards));
    assertEquals(300, upwards.at(0.51));
    assertEquals(10, upwards.at(0.62), 1e-9);
    assertEquals(List.of("200", "400"), labels(Axis.of(100, 500, 0, 1, 3)));
  }

  @Test
  void whereNothingLiesBetweenThereIsARangeOfOne() {
    assertEquals(List.of(0.0, 0.5, 1.0), Axis.of(0, 0, 0, 1, 2).ticks());
  }

  private static List<String> labels(Axis axis) {
    return axis.ticks().stream().map(axis::label).toList();
  }

  @Test
  void valuesStandInsideWithAMargin() {
    Axis axis = Axis.around(DoubleStream.of(1, 2, Double.NaN), 0, 112, 5);
    assertEquals(6, axis.at(1), 1e-9); // 6 % of the spread on both sides
    assertEquals(106, axis.at(2), 1e-9);
    Axis one = Axis.around(DoubleStream.of(5), 0, 100, 5);
    assertEquals(50, one.at(5), 1e-9);
    assertEquals(50, Axis.around(DoubleStream.empty(), 0, 100, 5).at(0.5), 1e-9);
  }

  @Test
  void powersOfTenAreEquallyFarApart() {
    Axis axis = Axis.spanning(new double[] {1e-5, 1e-1}, 0, 112, 6);
    assertTrue(axis.log());
    assertEquals(List.of("1e-5", "1e-4", "1e-3", "1e-2", "1e-1"), labels(axis));
    assertEquals(56, axis.at(1e-3), 1e-9);
    assertFalse(Axis.spanning(new double[] {0, 1}, 0, 1, 6).log());
    assertFalse(Axis.spanning(new double[] {1, 9}, 0, 1, 6).log());
  }
}
