package io.holdfast.engine.compare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.compare.RunResult.Point;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.metrics.Metrics;
import io.holdfast.engine.run.Json;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads what a run came to from the files in its folder. */
public final class RunReader {

  private static final String EVAL = "eval_";

  /** Points of a loss curve that are kept: neighbours are averaged. */
  private static final int LOSS_POINTS = 50;

  private final Path folder;
  private final ObjectNode run;
  private final ObjectNode eval;
  private final ObjectNode train;
  private final String metric;

  private RunReader(Path folder, ObjectNode run) {
    this.folder = folder;
    this.run = run;
    this.eval = object("eval_results.json");
    this.train = object("train_results.json");
    this.metric = metric();
  }

  /**
   * The result of a run that has ended for good; null if the folder holds none. Throws (kind DATA)
   * for files that are not those of a run.
   */
  public static RunResult read(Path folder) {
    if (!Files.isRegularFile(folder.resolve("run.json"))) {
      return null;
    }
    ObjectNode run = object(folder.resolve("run.json"));
    boolean isFinal = RunResult.FINAL.contains(run.path("exit").asText());
    return isFinal ? new RunReader(folder, run).result() : null;
  }

  private RunResult result() {
    String status = run.path("exit").asText();
    List<ObjectNode> lines = lines();
    List<Point> curve = points(lines, "eval", Set.of(metric));
    List<Point> measured = curve.stream().filter(p -> p.epoch() > 0).toList();
    Map<String, Double> metrics = new LinkedHashMap<>();
    eval.properties().stream()
        .filter(e -> e.getKey().startsWith(EVAL) && e.getValue().isNumber())
        .filter(e -> !e.getKey().matches("eval_(samples|step)"))
        .forEach(e -> metrics.put(e.getKey().substring(EVAL.length()), e.getValue().asDouble()));
    double score = metrics.getOrDefault(metric, best(measured));
    boolean hasModel = !status.equals(RunResult.DIVERGED);
    return new RunResult(
        folder.toAbsolutePath().normalize().getFileName().toString(),
        task(),
        status,
        metric,
        hasModel ? score : Double.NaN,
        measured.isEmpty() || !hasModel ? Double.NaN : measured.get(measured.size() - 1).value(),
        majority(),
        run.path("steps").asInt(),
        number(train.path("train_runtime")),
        number(train.path("train_relative_passes")),
        run.path("peak_resident_bytes").asLong(),
        run.path("backend").path("threads").asInt(),
        run.path("machine").path("processor").asText(),
        metrics,
        curve,
        thin(points(lines, "train", Set.of("ce", "se"))),
        data(),
        config());
  }

  private String task() {
    JsonNode config = run.path("config");
    Path trainFile =
        config.hasNonNull("train_file") ? Path.of(config.get("train_file").asText()) : null;
    return Tasks.nameOf(config.path("task").textValue(), trainFile);
  }

  private String metric() {
    if (!run.hasNonNull("metric")) {
      throw new HoldfastException(
          HoldfastException.Kind.DATA,
          folder.resolve("run.json") + ": names no metric: an older version wrote it");
    }
    return run.get("metric").asText();
  }

  private double best(List<Point> points) {
    return points.stream().map(Point::value).max(Metrics.byQuality(metric)).orElse(Double.NaN);
  }

  /** A correlation with a constant is not defined; 0, which is what chance gives, stands for it. */
  private double majority() {
    JsonNode value = run.path("majority").path(metric);
    return value.isMissingNode() || value.isNumber() ? number(value) : 0;
  }

  private Map<String, String> data() {
    Map<String, String> hashes = new LinkedHashMap<>();
    run.path("data").properties().stream()
        .forEach(e -> hashes.put(e.getKey(), e.getValue().path("sha256").asText()));
    return hashes;
  }

  private Map<String, String> config() {
    Map<String, String> config = new LinkedHashMap<>();
    run.path("config").properties().stream()
        .filter(e -> !e.getValue().isNull())
        .forEach(e -> config.put(e.getKey(), e.getValue().asText()));
    config.keySet().removeAll(TrainConfig.FREE);
    return config;
  }

  private static List<Point> points(List<ObjectNode> lines, String split, Set<String> names) {
    List<Point> points = new ArrayList<>();
    for (ObjectNode line : lines) {
      for (String name : names) {
        if (line.path("split").asText().equals(split) && line.has(name)) {
          points.add(new Point(line.path("epoch").asDouble(), number(line.get(name))));
        }
      }
    }
    return points;
  }

  private static List<Point> thin(List<Point> points) {
    int group = (points.size() + LOSS_POINTS - 1) / LOSS_POINTS;
    List<Point> few = new ArrayList<>();
    for (int from = 0; from < points.size(); from += group) {
      List<Point> part = points.subList(from, Math.min(from + group, points.size()));
      few.add(
          new Point(
              part.get(part.size() - 1).epoch(),
              part.stream().mapToDouble(Point::value).average().orElseThrow()));
    }
    return few;
  }

  private List<ObjectNode> lines() {
    Path file = folder.resolve("metrics.jsonl");
    List<ObjectNode> lines = new ArrayList<>();
    try {
      for (String line : Files.exists(file) ? Files.readAllLines(file) : List.<String>of()) {
        lines.add(Json.parse(line));
      }
      return lines;
    } catch (IOException e) {
      throw AtomicFile.unreadable(HoldfastException.Kind.IO, file, e);
    } catch (IllegalArgumentException e) {
      throw notOfARun(file, e);
    }
  }

  private ObjectNode object(String name) {
    Path file = folder.resolve(name);
    return Files.exists(file) ? object(file) : Json.object();
  }

  private static ObjectNode object(Path file) {
    try {
      return Json.parse(Files.readAllBytes(file));
    } catch (IOException e) {
      throw AtomicFile.unreadable(HoldfastException.Kind.IO, file, e);
    } catch (IllegalArgumentException e) {
      throw notOfARun(file, e);
    }
  }

  /** Numbers that are not finite are text in our files. */
  private static double number(JsonNode value) {
    return value.isTextual() ? Double.parseDouble(value.asText()) : value.asDouble(Double.NaN);
  }

  private static HoldfastException notOfARun(Path file, IllegalArgumentException e) {
    return new HoldfastException(
        HoldfastException.Kind.DATA,
        file + ": not a file of a run (" + e.getMessage() + "); leave this folder out",
        e);
  }
}
