package io.holdfast.kernels.cpu;

import io.holdfast.kernels.HoldfastException;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs one task at a time on a fixed number of workers: the caller is worker 0, the others are
 * daemon threads. Which worker does what follows from the worker's number alone. Waiting spins
 * briefly, as the next kernel usually follows within microseconds, then parks.
 */
final class WorkerPool implements AutoCloseable {

  /** A share of a task. */
  interface Task {
    void run(int worker);
  }

  /** The items {@code from} (inclusive) to {@code to} (exclusive) of a task. */
  interface Range {
    void run(long from, long to);
  }

  /** About 10 µs. */
  private static final int SPINS = 1000;

  /** Below this many elements a second thread costs more than it saves. */
  private static final long SMALL = 16 * 1024;

  private final Worker[] helpers;
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private volatile int round;
  private volatile Thread waiting;
  private volatile boolean closed;
  private Task task;

  WorkerPool(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException(threads + " threads");
    }
    helpers = new Worker[threads - 1];
    Arrays.setAll(helpers, i -> new Worker(i + 1));
    try {
      for (Worker helper : helpers) {
        helper.start();
      }
    } catch (OutOfMemoryError e) {
      close();
      throw new HoldfastException(
          HoldfastException.Kind.OUT_OF_MEMORY,
          "the system does not give " + threads + " threads: name fewer with --threads",
          e);
    }
  }

  int threads() {
    return helpers.length + 1;
  }

  /**
   * Runs the task once on every worker and returns when all have. The first failure is thrown, with
   * those after it as suppressed.
   */
  synchronized void run(Task newTask) {
    checkOpen();
    if (helpers.length == 0) {
      newTask.run(0);
      return;
    }
    task = newTask;
    running.set(helpers.length);
    round++; // publishes the task
    for (Worker helper : helpers) {
      if (helper.parked) {
        LockSupport.unpark(helper);
      }
    }
    try {
      newTask.run(0);
    } catch (Throwable t) {
      fail(t);
    }
    awaitHelpers();
    task = null;
    Throwable first = failure.getAndSet(null);
    if (first != null) {
      rethrow(first);
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("backend is closed");
    }
  }

  private void fail(Throwable t) {
    if (!failure.compareAndSet(null, t) && failure.get() != t) {
      failure.get().addSuppressed(t);
    }
  }

  /**
   * Cuts {@code items} into one contiguous range per worker, at multiples of {@code grain}; the
   * caller does it all if {@code elements}, the size of the work, is small.
   */
  void forRange(long items, long grain, long elements, Range range) {
    checkOpen();
    if (items == 0) {
      return;
    }
    if (helpers.length == 0 || elements < SMALL) {
      range.run(0, items);
      return;
    }
    int workers = threads();
    long grains = (items + grain - 1) / grain;
    run(
        worker -> {
          long from = grains * worker / workers * grain;
          long to = Math.min(items, grains * (worker + 1) / workers * grain);
          if (from < to) {
            range.run(from, to);
          }
        });
  }

  private void awaitHelpers() {
    for (int spin = 0; running.get() > 0 && spin < SPINS; spin++) {
      Thread.onSpinWait();
    }
    if (running.get() > 0) {
      waiting = Thread.currentThread();
      boolean interrupted = false;
      while (running.get() > 0) {
        LockSupport.park(this);
        interrupted |= Thread.interrupted(); // an interrupt must not end the wait: memory is in use
      }
      waiting = null;
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    round++;
    boolean interrupted = false;
    for (Worker helper : helpers) {
      LockSupport.unpark(helper);
      while (helper.isAlive()) {
        try {
          helper.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void rethrow(Throwable t) {
    if (t instanceof RuntimeException e) {
      throw e;
    }
    if (t instanceof Error e) {
      throw e;
    }
    throw new IllegalStateException(t);
  }

  private final class Worker extends Thread {
    private final int number;
    volatile boolean parked;

    Worker(int number) {
      super("holdfast-worker-" + number);
      setDaemon(true);
      this.number = number;
    }

    @Override
    public void run() {
      int seen = 0;
      while (true) {
        awaitRound(seen);
        seen++;
        if (closed) {
          return;
        }
        try {
          task.run(number);
        } catch (Throwable t) {
          fail(t);
        }
        if (running.decrementAndGet() == 0) {
          Thread caller = waiting;
          if (caller != null) {
            LockSupport.unpark(caller);
          }
        }
      }
    }

    private void awaitRound(int seen) {
      for (int spin = 0; round == seen && spin < SPINS; spin++) {
        Thread.onSpinWait();
      }
      if (round == seen) {
        parked = true;
        while (round == seen) {
          LockSupport.park(WorkerPool.this);
        }
        parked = false;
      }
    }
  }
}
