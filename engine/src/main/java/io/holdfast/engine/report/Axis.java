package io.holdfast.engine.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;

/**
 * A scale from values to places of a drawing, with round ticks.
 *
 * @param low value, or its log10, at {@code from}
 * @param high the same at {@code to}
 * @param step between ticks: 1, 2 or 5 times a power of ten
 * @param log equal factors are equally far apart
 */
record Axis(double low, double high, double from, double to, double step, boolean log) {

  /** Around the values, with a margin; 0 … 1 without any. */
  static Axis around(DoubleStream values, double from, double to, int ticks) {
    double[] known = values.filter(Double::isFinite).toArray();
    double min = known.length == 0 ? 0 : DoubleStream.of(known).min().orElseThrow();
    double max = known.length == 0 ? 1 : DoubleStream.of(known).max().orElseThrow();
    double spread = max > min ? max - min : Math.max(Math.abs(max), 1) * 0.1;
    double margin = 0.06 * spread;
    return of(min - margin, max + margin, from, to, ticks);
  }

  /** From low to high, or to low + 1 if that is not above. */
  static Axis of(double low, double end, double from, double to, int ticks) {
    double high = end > low ? end : low + 1;
    double rough = (high - low) / ticks;
    double power = Math.pow(10, Math.floor(Math.log10(rough)));
    double digit = rough / power;
    double step = power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    return new Axis(low, high, from, to, step, false);
  }

  /** Around positive values that span a factor of ten or more, on a logarithmic scale. */
  static Axis spanning(double[] values, double from, double to, int ticks) {
    double min = DoubleStream.of(values).min().orElse(1);
    double max = DoubleStream.of(values).max().orElse(1);
    if (min <= 0 || max / min < 10) {
      return around(DoubleStream.of(values), from, to, ticks);
    }
    Axis powers = around(DoubleStream.of(values).map(Math::log10), from, to, ticks);
    return new Axis(powers.low, powers.high, from, to, Math.max(1, powers.step), true);
  }

  double at(double value) {
    double place = log ? Math.log10(value) : value;
    return from + (place - low) / (high - low) * (to - from);
  }

  List<Double> ticks() {
    List<Double> ticks = new ArrayList<>();
    for (long i = (long) Math.ceil(low / step); i * step <= high; i++) {
      ticks.add(log ? Math.pow(10, i * step) : i * step);
    }
    return ticks;
  }

  /** A tick with as many decimals as the step has. */
  String label(double tick) {
    if (log) {
      return "1e" + Math.round(Math.log10(tick));
    }
    int decimals = (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return String.format(Locale.ROOT, "%." + decimals + "f", tick + 0.0);
  }
}
