package io.holdfast.engine.report;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.Comparison.Arm;
import io.holdfast.engine.compare.Comparison.TaskRuns;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.compare.RunResult.Point;
import io.holdfast.engine.compare.Statistics;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The drawings of one task. */
final class Plots {

  private static final double WIDTH = 520;
  private static final double WIDE = 720;
  private static final double HEIGHT = 320;
  private static final double ROW = 34;
  private static final double TOP = 12;
  private static final double BOTTOM = 44;
  private static final double LEFT = 64;
  private static final double LETTER = 6.8;
  private static final double LINE = 15;

  /** Most letters of a label. */
  private static final int LETTERS = 50;

  /** Arms in drawings other than the strips, the first ones: more cannot be told apart. */
  static final int MOST_ARMS = 12;

  private final TaskRuns task;
  private final List<Arm> arms;
  private final double labels;

  Plots(TaskRuns task) {
    this.task = task;
    this.arms = task.arms().subList(0, Math.min(MOST_ARMS, task.arms().size()));
    int longest = task.arms().stream().mapToInt(arm -> arm.label().length()).max().orElse(0);
    this.labels = 16 + LETTER * Math.min(longest, LETTERS);
  }

  /** A row an arm: every run as a mark, a box from quartile to quartile, whiskers to the ends. */
  String strip() {
    int rows = task.arms().size();
    double bottom = TOP + ROW * rows;
    Svg svg = new Svg(WIDE, bottom + BOTTOM, task.task() + ": scores of every run");
    Axis x =
        Axis.around(
            DoubleStream.concat(
                task.arms().stream().flatMapToDouble(arm -> DoubleStream.of(arm.scores())),
                DoubleStream.of(task.majority())),
            labels,
            WIDE - 14,
            8);
    ticks(svg, x, TOP, bottom);
    svg.text((labels + WIDE) / 2, bottom + 36, "middle", "", metric() + " of the best evaluation");
    if (!Double.isNaN(task.majority())) {
      svg.line(x.at(task.majority()), TOP, x.at(task.majority()), bottom, "chance");
    }
    for (int i = 0; i < rows; i++) {
      row(svg, x, i, TOP + ROW * (i + 0.5));
    }
    return svg.end();
  }

  private void row(Svg svg, Axis x, int index, double y) {
    Arm arm = task.arms().get(index);
    String colour = " c" + index % Svg.COLOURS;
    svg.text(labels - 10, y + 4, "end", "", shortened(arm.label()));
    double[] scores = arm.scores();
    if (scores.length == 0) {
      return;
    }
    double low = x.at(Statistics.quantile(scores, 0.25));
    double high = x.at(Statistics.quantile(scores, 0.75));
    double median = x.at(Statistics.median(scores));
    svg.line(x.at(Statistics.quantile(scores, 0)), y, low, y, "whisker" + colour);
    svg.line(high, y, x.at(Statistics.quantile(scores, 1)), y, "whisker" + colour);
    svg.box(low, y - 11, high - low, 22, "box" + colour);
    svg.line(median, y - 11, median, y + 11, "median" + colour);
    for (int i = 0; i < arm.runs().size(); i++) {
      RunResult run = arm.runs().get(i);
      String name = arm.label() + ", seed " + run.seed();
      run(svg, index, run, x.at(score(run)), y + (i % 5 - 2) * 3, name);
    }
  }

  /** A mark, or a cross for a run that failed; nothing where a number is missing. */
  private void run(Svg svg, int colour, RunResult run, double x, double y, String name) {
    String tip = "%s: %.4f".formatted(name, score(run));
    if (Double.isNaN(x) || Double.isNaN(y)) {
      return;
    }
    if (Comparison.isFailed(run, task.metric(), task.majority())) {
      svg.cross(colour, x, y, tip + ", " + run.status() + ", failed");
    } else {
      svg.mark(colour, x, y, tip);
    }
  }

  private double score(RunResult run) {
    return Comparison.score(run, task.majority());
  }

  /** The metric at every evaluation: a thin line a run, a thick one for their mean. */
  String scores() {
    return curves(metric(), RunResult::curve, task.task() + ": " + metric() + " by epoch");
  }

  /** The training loss against the labels, likewise. */
  String losses() {
    return curves("training loss (labels alone)", RunResult::loss, task.task() + ": loss by epoch");
  }

  private String curves(String title, Function<RunResult, List<Point>> curve, String label) {
    double right = Math.max(WIDTH - labels - 12, WIDTH / 2);
    double bottom = HEIGHT - BOTTOM;
    List<Point> all =
        arms.stream()
            .flatMap(arm -> arm.runs().stream())
            .flatMap(run -> curve.apply(run).stream())
            .toList();
    Svg svg = new Svg(right + labels + 12, HEIGHT, label);
    double last = all.stream().mapToDouble(Point::epoch).max().orElse(1);
    Axis x = Axis.of(0, last, LEFT, right, 8);
    Axis y = Axis.around(all.stream().mapToDouble(Point::value), bottom, TOP, 6);
    frame(svg, x, y, "epochs", title);
    List<Place> ends = new ArrayList<>();
    for (int i = 0; i < arms.size(); i++) {
      Arm arm = arms.get(i);
      String colour = " c" + i % Svg.COLOURS;
      arm.runs().forEach(run -> line(svg, x, y, curve.apply(run), "run" + colour));
      List<Point> mean = mean(arm.runs().stream().map(curve).toList());
      line(svg, x, y, mean, "mean" + colour);
      for (Point p : mean.size() <= 20 ? mean : List.<Point>of()) {
        svg.mark(i, x.at(p.epoch()), y.at(p.value()), tip(arm, p));
      }
      if (!mean.isEmpty()) {
        Point end = mean.get(mean.size() - 1);
        ends.add(new Place(arm.label(), x.at(end.epoch()), y.at(end.value()), colour));
      }
    }
    labels(svg, ends, right + 14, bottom);
    return svg.end();
  }

  private static String tip(Arm arm, Point p) {
    return String.format(Locale.ROOT, "%s, epoch %.2f: %.4f", arm.label(), p.epoch(), p.value());
  }

  /** Of the finite values at each time that more than half of the curves have. */
  private static List<Point> mean(List<List<Point>> curves) {
    Map<Double, List<Double>> byEpoch = new TreeMap<>();
    curves.stream()
        .flatMap(List::stream)
        .filter(p -> Double.isFinite(p.value()))
        .forEach(p -> byEpoch.computeIfAbsent(p.epoch(), e -> new ArrayList<>()).add(p.value()));
    return byEpoch.entrySet().stream()
        .filter(e -> 2 * e.getValue().size() > curves.size())
        .map(
            e ->
                new Point(
                    e.getKey(), e.getValue().stream().collect(Collectors.averagingDouble(v -> v))))
        .toList();
  }

  private static void line(Svg svg, Axis x, Axis y, List<Point> points, String style) {
    svg.path(
        points.stream()
            .filter(p -> Double.isFinite(p.value()))
            .map(p -> new double[] {x.at(p.epoch()), y.at(p.value())})
            .toList(),
        style);
  }

  /** Mean time of a run against mean score, with the interval of the mean. */
  String cost() {
    double right = WIDE - labels - 12;
    double bottom = HEIGHT - BOTTOM;
    Svg svg = new Svg(WIDE, HEIGHT, task.task() + ": time against score");
    double most = arms.stream().mapToDouble(Arm::seconds).filter(Double::isFinite).max().orElse(1);
    double unit = most >= 600 ? 60 : 1;
    Axis x = Axis.of(0, 1.06 * Math.max(most, 1e-3) / unit, LEFT, right, 8);
    Axis y =
        Axis.around(
            arms.stream()
                .flatMapToDouble(
                    arm -> DoubleStream.of(arm.interval().low(), arm.interval().high())),
            bottom,
            TOP,
            6);
    String time = "time of training, mean over runs (" + (unit == 60 ? "minutes)" : "seconds)");
    frame(svg, x, y, time, metric());
    List<Place> places = new ArrayList<>();
    for (int i = 0; i < arms.size(); i++) {
      Arm arm = arms.get(i);
      double at = x.at(arm.seconds() / unit);
      if (Double.isNaN(at) || Double.isNaN(arm.mean())) {
        continue;
      }
      String colour = " c" + i % Svg.COLOURS;
      svg.line(at, y.at(arm.interval().low()), at, y.at(arm.interval().high()), "whisker" + colour);
      String tip = "%s: %.4f in %.1f s".formatted(arm.label(), arm.mean(), arm.seconds());
      svg.mark(i, at, y.at(arm.mean()), tip);
      places.add(new Place(arm.label(), at, y.at(arm.mean()), colour));
    }
    labels(svg, places, right + 14, bottom);
    return svg.end();
  }

  /** Options in which the runs differ, with three or more numbers as their values. */
  List<String> parameters() {
    return task.varying().stream()
        .filter(key -> values(key).filter(Double::isFinite).distinct().count() > 2)
        .toList();
  }

  /** The score of every run against the value of an option. */
  String parameter(String key) {
    double bottom = HEIGHT - BOTTOM;
    Svg svg = new Svg(WIDTH, HEIGHT, task.task() + ": score by " + key);
    Axis x = Axis.spanning(values(key).filter(Double::isFinite).toArray(), LEFT, WIDTH - 14, 6);
    Axis y = Axis.around(runs().mapToDouble(this::score), bottom, TOP, 6);
    frame(svg, x, y, "--" + key.replace('_', '-'), metric());
    runs().forEach(run -> run(svg, 1, run, x.at(value(run, key)), y.at(score(run)), run.run()));
    return svg.end();
  }

  private Stream<RunResult> runs() {
    return task.arms().stream().flatMap(arm -> arm.runs().stream());
  }

  private DoubleStream values(String key) {
    return runs().mapToDouble(run -> value(run, key));
  }

  private static double value(RunResult run, String key) {
    String text = run.config().getOrDefault(key, "");
    return text.matches("-?\\d+(\\.\\d+)?(E-?\\d+)?") ? Double.parseDouble(text) : Double.NaN;
  }

  /** A name beside what it names. */
  private record Place(String label, double x, double y, String style) {}

  /** Names in a column, as near to the height of their places as they fit, joined to them. */
  private static void labels(Svg svg, List<Place> places, double column, double bottom) {
    List<Place> sorted = places.stream().sorted(Comparator.comparingDouble(Place::y)).toList();
    double[] heights = sorted.stream().mapToDouble(Place::y).toArray();
    for (int i = 0; i < heights.length; i++) {
      heights[i] = Math.max(heights[i], i == 0 ? TOP : heights[i - 1] + LINE);
    }
    for (int i = heights.length - 1; i >= 0; i--) {
      double limit = i == heights.length - 1 ? bottom : heights[i + 1] - LINE;
      heights[i] = Math.min(heights[i], limit);
    }
    IntStream.range(0, heights.length)
        .forEach(
            i -> {
              Place p = sorted.get(i);
              svg.line(p.x() + 6, p.y(), column - 4, heights[i], "leader");
              svg.text(column, heights[i] + 4, "start", "name" + p.style(), shortened(p.label()));
            });
  }

  private static String shortened(String label) {
    return label.length() <= LETTERS ? label : label.substring(0, LETTERS - 1) + "…";
  }

  private static void frame(Svg svg, Axis x, Axis y, String below, String beside) {
    ticks(svg, x, y.to(), y.from());
    for (double tick : y.ticks()) {
      svg.line(x.from(), y.at(tick), x.to(), y.at(tick), "grid");
      svg.text(x.from() - 6, y.at(tick) + 4, "end", "tick", y.label(tick));
    }
    svg.text((x.from() + x.to()) / 2, y.from() + 36, "middle", "", below);
    svg.upwards(13, (y.from() + y.to()) / 2, beside);
  }

  private static void ticks(Svg svg, Axis x, double top, double bottom) {
    for (double tick : x.ticks()) {
      svg.line(x.at(tick), top, x.at(tick), bottom, "grid");
      svg.text(x.at(tick), bottom + 16, "middle", "tick", x.label(tick));
    }
  }

  private String metric() {
    return task.metric().replace('_', ' ');
  }
}
