package io.holdfast.kernels;

/**
 * A failure the user can act on: one line that names the place and what to do next, and the kind
 * that decides the exit code. Anything else that is thrown is a defect of Holdfast.
 */
public final class HoldfastException extends RuntimeException {

  /** What went wrong, in the terms a scheduler decides by. */
  public enum Kind {
    USAGE(2),
    DATA(3),
    MODEL_FILE(4),
    OUT_OF_MEMORY(5),
    DIVERGED(6),
    IO(7),
    BACKEND(8),
    DEGENERATE(9);

    private final int exitCode;

    Kind(int exitCode) {
      this.exitCode = exitCode;
    }

    public int exitCode() {
      return exitCode;
    }
  }

  private final Kind kind;

  public HoldfastException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public HoldfastException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
