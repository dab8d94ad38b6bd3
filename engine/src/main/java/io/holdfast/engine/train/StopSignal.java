package io.holdfast.engine.train;

/**
 * Asks a run to stop: it finishes its update, or gives up its evaluation, saves a checkpoint and
 * returns. A signal handler sets it; the loops poll it.
 */
public class StopSignal {

  /** Thrown out of an evaluation or a loop that gives up. */
  public static final class Requested extends RuntimeException {
    private static final long serialVersionUID = 1;

    private Requested() {
      super("a stop was requested", null, false, false);
    }
  }

  private volatile boolean requested;

  public void request() {
    requested = true;
  }

  public boolean isRequested() {
    return requested;
  }

  /** Throws {@link Requested} if a stop was requested. */
  final void check() {
    if (isRequested()) {
      throw new Requested();
    }
  }
}
