package io.holdfast.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.run.Json;
import io.holdfast.engine.train.ProgressListener;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows a run on stderr: a bar, plain lines, JSON lines or nothing. The log file gets the lines.
 */
final class Progress implements ProgressListener, AutoCloseable {

  private final Logger log;
  private final Logger always = LoggerFactory.getLogger(Logs.ERRORS);
  private final LogFormat format;
  private final int loggingSteps;
  private final Path logFile;
  private final Runnable onUpdate;
  private ProgressBar bar;

  /**
   * @param logFile takes the log once the run starts
   * @param onUpdate called after every update, and at the start of a run that resumes
   */
  Progress(LogFormat format, int loggingSteps, Path logFile, Runnable onUpdate) {
    boolean terminal = format == LogFormat.AUTO && Logs.onTerminal();
    this.format = format == LogFormat.AUTO && !terminal ? LogFormat.PLAIN : format;
    this.loggingSteps = loggingSteps;
    this.logFile = logFile;
    this.onUpdate = onUpdate;
    if (this.format == LogFormat.JSON || this.format == LogFormat.NONE) {
      Logs.hideRunLines();
    }
    this.log = LoggerFactory.getLogger(Logs.RUN);
  }

  @Override
  public void message(String line) {
    log.info(line);
    json("message", node -> node.put("text", line));
  }

  @Override
  public void warning(String line) {
    if (format == LogFormat.JSON) {
      json("warning", node -> node.put("text", line));
      LoggerFactory.getLogger(Logs.FILE_ONLY).warn(line);
    } else {
      always.warn(line);
    }
  }

  @Override
  public void started(int firstStep, int totalSteps) {
    Logs.toFile(logFile);
    if (firstStep > 0) {
      onUpdate.run();
    }
    if (format == LogFormat.AUTO) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("")
              .setInitialMax(totalSteps)
              .startsFrom(firstStep, Duration.ZERO)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(250)
              .setConsumer(new ConsoleProgressBarConsumer(System.err))
              .build();
    }
  }

  @Override
  public void step(Step step) {
    onUpdate.run();
    if (bar != null) {
      bar.setExtraMessage(brief(step));
      bar.stepTo(step.step());
    }
    if (step.step() % loggingSteps != 0 && step.step() != step.totalSteps()) {
      return;
    }
    String line =
        "step %d/%d  epoch %.2f  %s  gnorm %.2f  ETA %s"
            .formatted(
                step.step(),
                step.totalSteps(),
                step.epoch(),
                numbers(step),
                step.gradientNorm(),
                clock(step.remaining()));
    if (bar != null) {
      LoggerFactory.getLogger(Logs.FILE_ONLY).info(line);
    } else {
      log.info(line);
    }
    json("step", node -> put(node, step));
  }

  private static String numbers(Step step) {
    StringBuilder text = new StringBuilder("loss %.4f".formatted(step.loss()));
    step.parts().forEach((name, value) -> text.append("  %s %.4f".formatted(name, value)));
    return text.append(
            "  lr %.2e  %.0f tokens/s".formatted(step.learningRate(), step.tokensPerSecond()))
        .toString();
  }

  /** Short enough to stand beside the bar in 80 columns. */
  private static String brief(Step step) {
    StringBuilder text = new StringBuilder(" loss %.3f".formatted(step.loss()));
    step.parts().forEach((name, value) -> text.append(" %s %.3g".formatted(name, value)));
    return text.append(" lr %.0e %.0f tok/s".formatted(step.learningRate(), step.tokensPerSecond()))
        .toString();
  }

  static String clock(Duration d) {
    return "%d:%02d:%02d".formatted(d.toHours(), d.toMinutesPart(), d.toSecondsPart());
  }

  private static void put(ObjectNode node, Step step) {
    node.put("step", step.step())
        .put("total_steps", step.totalSteps())
        .put("epoch", step.epoch())
        .put("loss", step.loss());
    step.parts().forEach(node::put);
    node.put("learning_rate", step.learningRate())
        .put("grad_norm", step.gradientNorm())
        .put("tokens_per_second", step.tokensPerSecond())
        .put("remaining_seconds", step.remaining().toSeconds());
  }

  @Override
  public void evaluated(int step, double epoch, Map<String, Double> metrics, boolean best) {
    StringBuilder line = new StringBuilder("evaluation at step " + step + ":");
    metrics.forEach((name, value) -> line.append("  %s %.4f".formatted(name, value)));
    log.info(line + (best ? "  (best so far)" : ""));
    json(
        "evaluation",
        node -> {
          node.put("step", step).put("epoch", epoch).put("best", best);
          metrics.forEach(node::put);
        });
  }

  @Override
  public void saved(int step, Path checkpoint) {
    LoggerFactory.getLogger(Logs.FILE_ONLY).info("step {} saved in {}", step, checkpoint);
  }

  private void json(String event, java.util.function.Consumer<ObjectNode> fill) {
    if (format == LogFormat.JSON) {
      ObjectNode node = Json.object().put("event", event);
      fill.accept(node);
      System.err.println(node);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
