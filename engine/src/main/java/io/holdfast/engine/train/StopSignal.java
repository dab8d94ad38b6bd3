package io.holdfast.engine.train;

/**
 * Asks a run to stop: it finishes its update, saves a checkpoint and returns. A signal handler sets
 * it; the loop polls it.
 */
public final class StopSignal {

  private volatile boolean requested;

  public void request() {
    requested = true;
  }

  public boolean isRequested() {
    return requested;
  }
}
