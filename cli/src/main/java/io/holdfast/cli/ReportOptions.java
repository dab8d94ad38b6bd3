package io.holdfast.cli;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.report.HtmlReport;
import io.holdfast.engine.report.Summary;
import io.holdfast.engine.run.Json;
import io.holdfast.model.files.AtomicFile;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** How a comparison is shown. */
final class ReportOptions {

  @Option(
      names = "--baseline",
      paramLabel = "<text>",
      description = "the row that others are compared with; default: cross_entropy, or the first")
  private String baseline;

  @Option(
      names = "--title",
      paramLabel = "<text>",
      description = "heading of the page; default: ${DEFAULT-VALUE}")
  private String title = "Comparison";

  @Option(names = "--json", description = "print the numbers as one JSON object on stdout")
  private boolean json;

  /**
   * Prints the tables, and writes what is asked for.
   *
   * @param order of the rows
   * @param markdown null: none
   * @param html null: none
   */
  void write(List<RunResult> runs, Comparison.Order order, Path markdown, Path html) {
    Comparison comparison = Comparison.of(runs, baseline, order);
    Summary summary = new Summary(comparison);
    if (markdown != null) {
      AtomicFile.write(markdown, summary.markdown());
    }
    if (html != null) {
      AtomicFile.write(html, HtmlReport.of(comparison, title));
      LoggerFactory.getLogger(Logs.RUN).info("drawings of the {} runs: {}", runs.size(), html);
    }
    System.out.println(json ? Json.line(summary.json()) : summary.text().stripTrailing());
  }
}
