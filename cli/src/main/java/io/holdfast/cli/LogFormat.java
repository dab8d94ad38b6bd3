package io.holdfast.cli;

/** How progress is shown on stderr. */
public enum LogFormat {
  /** A bar on a terminal, plain lines elsewhere. */
  AUTO,
  /** A line every --logging-steps updates. */
  PLAIN,
  /** The same as JSON objects. */
  JSON,
  /** Nothing but warnings and errors. */
  NONE
}
