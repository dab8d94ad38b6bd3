package io.holdfast.engine.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import org.junit.jupiter.api.Test;

class ScheduleTest {

  private static Schedule of(
      Schedule.Shape shape, double peak, long warmup, long total, double power, double end) {
    return new Schedule(shape, peak, warmup, total, power, end);
  }

  /** The RTE recipe of R3F: 3,120 updates, 187 of warm-up. */
  @Test
  void polynomialGivesTheRecipesRates() {
    Schedule s = of(Schedule.Shape.POLYNOMIAL, 1e-5, 187, 3120, 1, 0);
    assertEquals(0, s.at(1));
    assertEquals(5.347593583e-8, s.at(2), 1e-17);
    assertEquals(1e-5, s.at(188));
    assertEquals(9.996590522e-6, s.at(189), 1e-14);
    assertEquals(3.409478e-9, s.at(3120), 1e-15);
    assertEquals(0, s.at(3121));
    assertEquals(0, s.at(1_000_000));
  }

  @Test
  void linearLosesTheSameAmountEachUpdate() {
    double peak = 3e-4;
    long warmup = 500;
    long total = 4000;
    Schedule s = of(Schedule.Shape.LINEAR, peak, warmup, total, 1, 0);
    for (long k = 1; k <= 5000; k++) {
      // The lower of two lines, and never below 0.
      double rising = peak * (k - 1) / 500.0;
      double falling = peak * (4001 - k) / 3500.0;
      assertEquals(Math.max(0, Math.min(rising, falling)), s.at(k), 1e-18, "update " + k);
    }
  }

  @Test
  void cosineIsAHalfWave() {
    double peak = 2e-5;
    double end = 1e-6;
    Schedule s = of(Schedule.Shape.COSINE, peak, 300, 4300, 1, end);
    for (long k = 1; k <= 5000; k++) {
      double expected = end;
      if (k <= 300) {
        expected = peak * (k - 1) / 300.0;
      } else if (k <= 4300) {
        // cos²(x/2) = (1 + cos x)/2
        double half = Math.cos(Math.PI / 2 * (k - 301) / 4000.0);
        expected = end + (peak - end) * half * half;
      }
      assertEquals(expected, s.at(k), 1e-18, "update " + k);
    }
    assertEquals((peak + end) / 2, s.at(2301), 1e-18);
  }

  @Test
  void polynomialOfPowerThreeIsACube() {
    Schedule s = of(Schedule.Shape.POLYNOMIAL, 1e-3, 0, 5000, 3, 1e-4);
    for (long k = 1; k <= 5000; k++) {
      double left = (5001 - k) / 5000.0;
      assertEquals(1e-4 + 9e-4 * left * left * left, s.at(k), 1e-17, "update " + k);
    }
    assertEquals(1e-4, s.at(5001));
  }

  @Test
  void constantStaysAfterTheWarmUp() {
    Schedule s = of(Schedule.Shape.CONSTANT, 7e-5, 100, 200, 1, 0);
    for (long k = 1; k <= 5000; k++) {
      assertEquals(k <= 100 ? 7e-5 * (k - 1) / 100.0 : 7e-5, s.at(k), 1e-19, "update " + k);
    }
  }

  @Test
  void everyShapeRisesToThePeakAndNeverLeavesIt() {
    for (Schedule.Shape shape : Schedule.Shape.values()) {
      Schedule s = of(shape, 1, 50, 1000, 2, 0.01);
      for (long k = 1; k <= 5000; k++) {
        assertTrue(s.at(k) >= 0 && s.at(k) <= 1, shape + " at " + k);
        assertTrue(k > 51 || k < 2 || s.at(k) > s.at(k - 1), shape + " rises at " + k);
        assertTrue(k <= 51 || s.at(k) <= s.at(k - 1), shape + " falls at " + k);
      }
      assertEquals(1, s.at(51));
    }
  }

  @Test
  void aRunThatIsAllWarmUpEndsAtTheEnd() {
    Schedule s = of(Schedule.Shape.LINEAR, 1, 10, 10, 1, 0);
    assertEquals(0.9, s.at(10), 1e-15);
    assertEquals(0, s.at(11));
  }

  @Test
  void warmUpIsAShareOrANumberOfUpdates() {
    assertEquals(0, Schedule.warmupUpdates(0, 3120));
    assertEquals(188, Schedule.warmupUpdates(0.06, 3120)); // 187.2, rounded up
    assertEquals(1, Schedule.warmupUpdates(1, 3120));
    assertEquals(187, Schedule.warmupUpdates(187, 3120));
    assertUsage(() -> Schedule.warmupUpdates(-1, 10));
    assertUsage(() -> Schedule.warmupUpdates(1.5, 10));
    assertUsage(() -> Schedule.warmupUpdates(Double.NaN, 10));
  }

  @Test
  void impossibleSchedulesAreRefused() {
    assertUsage(() -> of(Schedule.Shape.LINEAR, -1, 0, 10, 1, 0));
    assertUsage(() -> of(Schedule.Shape.LINEAR, Double.NaN, 0, 10, 1, 0));
    assertUsage(() -> of(Schedule.Shape.LINEAR, 1, 11, 10, 1, 0));
    assertUsage(() -> of(Schedule.Shape.LINEAR, 1, 0, 0, 1, 0));
    assertUsage(() -> of(Schedule.Shape.LINEAR, 1, 0, 10, 0, 0));
    assertUsage(() -> of(Schedule.Shape.LINEAR, 1, 0, 10, 1, 2));
  }

  private static void assertUsage(org.junit.jupiter.api.function.Executable call) {
    assertEquals(HoldfastException.Kind.USAGE, assertThrows(HoldfastException.class, call).kind());
  }
}
