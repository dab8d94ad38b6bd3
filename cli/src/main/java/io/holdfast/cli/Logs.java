package io.holdfast.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.FileAppender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.read.ListAppender;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;

/**
 * Where log lines go: terse ones to stderr, all of them with time and stack traces to a file once
 * there is one. What was logged before the file was named is written to it then.
 */
final class Logs {

  /** Lines about a run: to stderr and to the file. */
  static final String RUN = "holdfast.run";

  /** Lines for the file alone. */
  static final String FILE_ONLY = "holdfast.file";

  /** Lines for stderr, and the file, that no --log-format hides. */
  static final String ERRORS = "holdfast.errors";

  private static final String TERSE =
      "%replace(%replace(%level: ){'^(INFO|ERROR): $', ''}){'^WARN', 'warning'}%msg%n%nopex";
  private static final String FULL = "%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z', UTC} %-5level %msg%n%ex";

  private static ListAppender<ILoggingEvent> early;
  private static Path file;

  private Logs() {}

  /** Sends everything from INFO on to stderr and forgets earlier settings. */
  static void start() {
    LoggerContext context = context();
    context.reset();
    file = null;
    ConsoleAppender<ILoggingEvent> stderr = new ConsoleAppender<>();
    stderr.setTarget("System.err");
    start(stderr, (onTerminal() ? "\r\u001b[K" : "") + TERSE);
    early = new ListAppender<>();
    early.setContext(context);
    early.start();

    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.INFO);
    root.addAppender(stderr);
    root.addAppender(early);
    context.getLogger("ai.djl").setLevel(Level.WARN);
    Logger fileOnly = context.getLogger(FILE_ONLY);
    fileOnly.setAdditive(false);
    fileOnly.addAppender(early);
  }

  /** The lines of {@link #RUN} no longer go to stderr. */
  static void hideRunLines() {
    Logger run = context().getLogger(RUN);
    run.setAdditive(false);
    run.addAppender(early);
  }

  /** From now on everything is also appended to {@code path}. */
  static void toFile(Path path) {
    FileAppender<ILoggingEvent> appender = new FileAppender<>();
    appender.setFile(path.toString());
    appender.setAppend(true);
    start(appender, FULL);
    early.list.forEach(appender::doAppend);
    for (Logger logger : context().getLoggerList()) {
      if (logger.detachAppender(early)) {
        logger.addAppender(appender);
      }
    }
    early.stop();
    early.list.clear();
    file = path;
  }

  /** The log file; null while there is none. */
  static Path file() {
    return file;
  }

  static void toFileOnly(String message, Throwable e) {
    LoggerFactory.getLogger(FILE_ONLY).error(message, e);
  }

  /** Whether stderr is a terminal: the launcher asks the shell. */
  static boolean onTerminal() {
    return Boolean.getBoolean("holdfast.terminal");
  }

  private static void start(OutputStreamAppender<ILoggingEvent> appender, String pattern) {
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(context());
    encoder.setPattern(pattern);
    encoder.start();
    appender.setContext(context());
    appender.setEncoder(encoder);
    appender.start();
  }

  private static LoggerContext context() {
    return (LoggerContext) LoggerFactory.getILoggerFactory();
  }
}
