package io.holdfast.cli;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.compare.Trial;
import io.holdfast.engine.report.HtmlReport;
import io.holdfast.engine.report.Summary;
import io.holdfast.engine.run.Json;
import io.holdfast.model.files.AtomicFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** How a comparison is shown. */
final class ReportOptions {

  @Option(
      names = "--baseline",
      paramLabel = "<text>",
      description =
          "the row that others are compared with, named as in the table; default: cross_entropy, or"
              + " the first")
  private String baseline;

  @Option(
      names = "--title",
      paramLabel = "<text>",
      description = "heading of the page; default: ${DEFAULT-VALUE}")
  private String title = "Comparison";

  @Option(names = "--json", description = "print the numbers as one JSON object on stdout")
  private boolean json;

  /** Throws (kind USAGE) if the table of these trials will not have the baseline that is named. */
  void check(List<Trial> trials) {
    Comparison.requireBaseline(trials, baseline);
  }

  /**
   * Prints the tables, and writes what is asked for.
   *
   * @param all false: of a grid that has not ended, whose rows may lack the baseline
   * @param order of the rows
   * @param markdown null: none
   * @param html null: none
   */
  void write(List<RunResult> runs, boolean all, Comparison.Order order, Path markdown, Path html) {
    Comparison comparison = Comparison.of(runs, all ? baseline : null, order);
    Summary summary = new Summary(comparison);
    if (markdown != null) {
      AtomicFile.write(markdown, summary.markdown());
    }
    if (html != null) {
      AtomicFile.write(html, HtmlReport.of(comparison, title));
      LoggerFactory.getLogger(Logs.RUN).info("drawings of the {} runs: {}", runs.size(), html);
    }
    if (json) {
      Results.json(Json.as(Map.class, summary.json()));
    } else {
      System.out.println(summary.text().stripTrailing());
    }
  }
}
