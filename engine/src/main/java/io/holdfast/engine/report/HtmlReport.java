package io.holdfast.engine.report;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.Comparison.TaskRuns;
import io.holdfast.engine.compare.RunResult;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** One page of HTML: tables, drawings and every run; it needs no network and runs no code. */
public final class HtmlReport {

  private static final String STYLE =
      """
      :root { --fg: #1c1c1c; --bg: #fff; --soft: #5c5c5c; --grid: #e0e0e0;
        --c0: #5c5c5c; --c1: #0072b2; --c2: #c44e00; --c3: #007f5c; --c4: #a8488a; --c5: #9a6a00;
        --c6: #2e8bc0; }
      @media screen and (prefers-color-scheme: dark) { :root { --fg: #e8e8e8; --bg: #171717;
        --soft: #a8a8a8; --grid: #383838; --c0: #b8b8b8; --c1: #56b4e9; --c2: #f28e4b;
        --c3: #2fc49a; --c4: #e39ac4; --c5: #f0c14b; --c6: #9fd3f5; } }
      body { font: 15px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg);
        max-width: 1080px; margin: 2em auto; padding: 0 1em; }
      h1, h2, h3 { line-height: 1.2; } h3 { font-size: 1em; margin-bottom: .3em; }
      .wide { overflow-x: auto; }
      table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
      th, td { padding: .2em .6em; text-align: right; white-space: nowrap;
        border-bottom: 1px solid var(--grid); }
      th:first-child, td:first-child { text-align: left; }
      ul.notes, .soft { color: var(--soft); font-size: 13px; }
      svg { display: block; max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
      svg text { fill: var(--fg); } svg .tick { fill: var(--soft); }
      svg .name { fill: var(--c); font-weight: 600; }
      .c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); } .c3 { --c: var(--c3); }
      .c4 { --c: var(--c4); } .c5 { --c: var(--c5); } .c6 { --c: var(--c6); }
      .grid { stroke: var(--grid); } .leader { stroke: var(--soft); stroke-dasharray: 1 4; }
      .chance { stroke: var(--fg); stroke-dasharray: 5 4; }
      .whisker { stroke: var(--c); stroke-width: 1.5; } .median { stroke: var(--c); stroke-width: 3; }
      .box { fill: var(--c); fill-opacity: .16; stroke: var(--c); }
      .run { fill: none; stroke: var(--c); stroke-opacity: .35; }
      .mean { fill: none; stroke: var(--c); stroke-width: 2.5; }
      .mark { fill: var(--c); stroke: var(--bg); stroke-width: .8; }
      .cross { fill: none; stroke: var(--c); stroke-width: 2; }
      details { margin: 1em 0; }
      @media print { body { max-width: none; margin: 0; font-size: 11px; }
        table { font-size: 8.5px; } th, td { padding: .15em .3em; }
        figure, tr { break-inside: avoid; } .row svg + svg, .row svg:has(+ svg) { width: 48%; } }
      figure { margin: 1em 0; } .row { display: flex; flex-wrap: wrap; gap: 1em; }
      """;

  private HtmlReport() {}

  /**
   * @param title names the page
   */
  public static String of(Comparison comparison, String title) {
    StringBuilder page = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n");
    page.append("<meta charset=\"utf-8\"/>\n");
    page.append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
    page.append("<title>").append(Svg.escaped(title)).append("</title>\n");
    page.append("<style>\n").append(STYLE).append("</style>\n</head>\n<body>\n");
    page.append("<h1>").append(Svg.escaped(title)).append("</h1>\n");
    comparison.tasks().forEach(task -> page.append(section(task)));
    page.append("<h2>How to read the numbers</h2>\n<ul class=\"notes\">\n");
    Summary.NOTES.forEach(n -> page.append("<li>").append(Svg.escaped(n)).append("</li>\n"));
    page.append("</ul>\n<h2>The runs</h2>\n");
    page.append(settings(comparison)).append(runs(comparison));
    return page.append("</body>\n</html>\n").toString();
  }

  private static String section(TaskRuns task) {
    Plots plots = new Plots(task);
    String first =
        task.arms().size() > Plots.MOST_ARMS
            ? " The first " + Plots.MOST_ARMS + " rows of the table."
            : "";
    String dashed = Double.isNaN(task.majority()) ? "" : "; dashed: always the same answer";
    return "<section>\n<h2>"
        + Svg.escaped(Summary.title(task))
        + "</h2>\n<div class=\"wide\">\n"
        + Summary.table(task).html()
        + "</div>\n"
        + figure(
            "Every run",
            "A mark is a run, a cross a failed one; box: middle half, bar: median" + dashed + ".",
            plots.strip())
        + figure(
            "Learning curves",
            "Thin: a run; thick: their mean." + first,
            plots.scores() + plots.losses())
        + figure(
            "Cost against score",
            "Means, with the 95 % interval of the score; left is cheaper, "
                + (task.lowerIsBetter() ? "down" : "up")
                + " is better."
                + first,
            plots.cost())
        + parameters(plots)
        + "</section>\n";
  }

  private static String parameters(Plots plots) {
    List<String> keys = plots.parameters();
    return keys.isEmpty()
        ? ""
        : figure(
            "Options",
            "A mark is a run, at the value of one option; the others vary as well.",
            keys.stream().map(plots::parameter).collect(Collectors.joining()));
  }

  private static String figure(String title, String text, String drawing) {
    return "<figure>\n<h3>"
        + title
        + "</h3>\n<figcaption class=\"soft\">"
        + Svg.escaped(text)
        + "</figcaption>\n<div class=\"row\">\n"
        + drawing
        + "</div>\n</figure>\n";
  }

  /** Options that all runs share. */
  private static String settings(Comparison comparison) {
    List<RunResult> runs = all(comparison);
    Set<Map.Entry<String, String>> same = new LinkedHashSet<>(runs.get(0).config().entrySet());
    runs.forEach(run -> same.retainAll(run.config().entrySet()));
    String shared =
        same.stream()
            .map(option -> "--" + option.getKey().replace('_', '-') + " " + option.getValue())
            .collect(Collectors.joining(" "));
    String machines =
        runs.stream()
            .map(run -> run.processor() + ", threads: " + run.threads())
            .distinct()
            .collect(Collectors.joining("; "));
    return "<p class=\"soft\">On "
        + Svg.escaped(machines)
        + ".</p>\n<details><summary>Options that all of them share</summary><p class=\"soft\">"
        + Svg.escaped(shared)
        + "</p></details>\n";
  }

  private static String runs(Comparison comparison) {
    List<List<String>> rows = new ArrayList<>();
    for (TaskRuns task : comparison.tasks()) {
      for (Comparison.Arm arm : task.arms()) {
        for (RunResult run : arm.runs()) {
          rows.add(
              List.of(
                  task.task() + " " + arm.label(),
                  String.valueOf(run.seed()),
                  run.status(),
                  Summary.score(run.score()),
                  Summary.score(run.last()),
                  String.valueOf(run.steps()),
                  Summary.number("%.1f", run.seconds())));
        }
      }
    }
    List<String> header = List.of("", "seed", "status", "best", "last", "updates", "seconds");
    return "<details><summary>Each of the "
        + rows.size()
        + " runs</summary>\n"
        + new Table(header, rows).html()
        + "</details>\n";
  }

  private static List<RunResult> all(Comparison comparison) {
    return comparison.tasks().stream()
        .flatMap(task -> task.arms().stream())
        .flatMap(arm -> arm.runs().stream())
        .toList();
  }
}
