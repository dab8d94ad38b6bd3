package io.holdfast.engine.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Against scikit-learn 1.x and SciPy on 1,200 arrays, drawn here as metrics_goldens.py draws them.
 */
class MetricsGoldenTest {

  private static final double TOLERANCE = 1e-12;

  @Test
  void equalsScikitLearnAndScipy() throws IOException {
    List<String> lines;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                MetricsGoldenTest.class.getResourceAsStream("metrics_goldens.tsv"),
                StandardCharsets.UTF_8))) {
      lines = in.lines().toList();
    }
    assertEquals(1200, lines.size());
    int undefined = 0;
    for (String line : lines) {
      String[] f = line.split("\t");
      double[] expected = new double[f.length - 5];
      for (int i = 0; i < expected.length; i++) {
        expected[i] = Double.parseDouble(f[i + 5]);
      }
      Random random = new Random(Long.parseLong(f[1]));
      int n = Integer.parseInt(f[2]);
      int mode = Integer.parseInt(f[4]);
      double[] actual =
          f[0].equals("class")
              ? classes(random, n, Integer.parseInt(f[3]), mode)
              : numbers(random, n, mode);
      for (int i = 0; i < expected.length; i++) {
        undefined += Double.isNaN(expected[i]) ? 1 : 0;
        assertEquals(expected[i], actual[i], TOLERANCE, "metric " + i + " of " + line);
      }
    }
    assertTrue(undefined > 100, "the arrays include those without a correlation");
  }

  private static double[] classes(Random random, int n, int classes, int mode) {
    int[] labels = new int[n];
    int[] predictions = new int[n];
    for (int i = 0; i < n; i++) {
      int a = (int) (random.nextDouble() * classes);
      int b = (int) (random.nextDouble() * classes);
      boolean right = random.nextDouble() < 0.8;
      labels[i] = mode == 3 || mode == 4 ? 0 : a;
      predictions[i] =
          switch (mode) {
            case 0, 3 -> b;
            case 1 -> right ? a : b;
            case 2 -> classes - 1;
            case 4 -> 0;
            default -> 1 - Math.min(a, 1);
          };
    }
    Confusion c = new Confusion(predictions, labels, classes);
    return new double[] {c.accuracy(), c.f1(1), c.macroF1(), c.matthews()};
  }

  private static double[] numbers(Random random, int n, int mode) {
    double[] x = new double[n];
    double[] y = new double[n];
    for (int i = 0; i < n; i++) {
      double a = random.nextDouble();
      double b = random.nextDouble();
      x[i] =
          switch (mode) {
            case 2 -> Math.floor(a * 6) / 4;
            case 3 -> 0.1;
            case 6 -> 1000 + a;
            case 7 -> i == n / 2 ? Double.NaN : a;
            case 8 -> a * 1e-100;
            case 9 -> a < 0.3 ? 0.0 : a < 0.6 ? -0.0 : a;
            case 10 -> i == n / 2 ? Double.POSITIVE_INFINITY : a;
            case 11 -> a * a * a;
            default -> a;
          };
      y[i] =
          switch (mode) {
            case 1 -> 0.7 * a + 0.3 * b;
            case 2 -> Math.floor(b * 4) / 8;
            case 4 -> -2.5;
            case 5 -> -3 * a;
            case 6 -> a + b;
            case 8 -> b * 1e100;
            case 11 -> Math.floor(a * 50);
            default -> b;
          };
    }
    return new double[] {Correlation.pearson(x, y), Correlation.spearman(x, y)};
  }
}
