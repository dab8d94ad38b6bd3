package io.holdfast.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WorkerPoolTest {

  private static final long LARGE = 1 << 20;

  @Test
  void everyItemIsComputedOnceAtMultiplesOfTheGrain() {
    for (int threads : new int[] {1, 2, 3, 8}) {
      try (WorkerPool pool = new WorkerPool(threads)) {
        for (int items : new int[] {0, 1, 15, 16, 17, 207, 4098}) {
          AtomicIntegerArray visits = new AtomicIntegerArray(items);
          pool.forRange(
              items,
              16,
              LARGE,
              (from, to) -> {
                assertEquals(0, from % 16);
                for (long i = from; i < to; i++) {
                  visits.incrementAndGet((int) i);
                }
              });
          for (int i = 0; i < items; i++) {
            assertEquals(1, visits.get(i), i + " of " + items + " on " + threads);
          }
        }
      }
    }
  }

  @Test
  void everyWorkerRunsEveryTaskWhetherItSpinsOrIsParked() {
    try (WorkerPool pool = new WorkerPool(4)) {
      AtomicIntegerArray runs = new AtomicIntegerArray(4);
      for (int round = 0; round < 2000; round++) {
        pool.run(runs::incrementAndGet);
        if (round % 100 == 0) {
          LockSupport.parkNanos(2_000_000); // long enough for the workers to park
        }
      }
      for (int worker = 0; worker < 4; worker++) {
        assertEquals(2000, runs.get(worker));
      }
    }
  }

  @Test
  void smallWorkStaysWithTheCaller() {
    try (WorkerPool pool = new WorkerPool(2)) {
      Thread caller = Thread.currentThread();
      pool.forRange(100, 1, 100, (from, to) -> assertSame(caller, Thread.currentThread()));
    }
  }

  @Test
  void aFailureReachesTheCallerAfterAllHaveEnded() {
    try (WorkerPool pool = new WorkerPool(3)) {
      for (int culprit = 0; culprit < 3; culprit++) {
        int bad = culprit;
        AtomicInteger ended = new AtomicInteger();
        IllegalStateException thrown =
            assertThrows(
                IllegalStateException.class,
                () ->
                    pool.run(
                        worker -> {
                          if (worker == bad) {
                            throw new IllegalStateException("worker " + worker);
                          }
                          LockSupport.parkNanos(1_000_000);
                          ended.incrementAndGet();
                        }));
        assertEquals("worker " + bad, thrown.getMessage());
        assertEquals(2, ended.get());
      }
      AtomicInteger after = new AtomicInteger();
      pool.run(worker -> after.incrementAndGet());
      assertEquals(3, after.get());
    }
  }

  @Test
  void theFirstFailureIsThrownAndTheOthersAreSuppressed() {
    try (WorkerPool pool = new WorkerPool(3)) {
      AtomicReference<Thread> first = new AtomicReference<>();
      IllegalStateException thrown =
          assertThrows(
              IllegalStateException.class,
              () ->
                  pool.run(
                      worker -> {
                        if (worker == 1) {
                          first.set(Thread.currentThread());
                        } else {
                          awaitParked(first);
                        }
                        throw new IllegalStateException("worker " + worker);
                      }));
      assertEquals("worker 1", thrown.getMessage());
      assertEquals(2, thrown.getSuppressed().length);
      pool.run(worker -> {});
    }
  }

  private static void awaitParked(AtomicReference<Thread> thread) {
    while (thread.get() == null || thread.get().getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
  }

  @Test
  void closeEndsTheThreadsAndRefusesWork() {
    WorkerPool pool = new WorkerPool(3);
    Thread[] seen = new Thread[3];
    pool.run(worker -> seen[worker] = Thread.currentThread());
    assertTrue(seen[1].isDaemon());
    pool.close();
    pool.close();
    assertFalse(seen[1].isAlive());
    assertFalse(seen[2].isAlive());
    assertThrows(IllegalStateException.class, () -> pool.run(worker -> {}));
    assertThrows(IllegalStateException.class, () -> pool.forRange(1, 1, 1, (from, to) -> {}));
  }

  @Test
  void anInterruptIsKeptForTheCaller() {
    try (WorkerPool pool = new WorkerPool(2)) {
      Thread.currentThread().interrupt();
      AtomicInteger runs = new AtomicInteger();
      pool.run(
          worker -> {
            if (worker == 1) {
              LockSupport.parkNanos(5_000_000);
            }
            runs.incrementAndGet();
          });
      assertEquals(2, runs.get());
      assertTrue(Thread.interrupted());
    }
  }
}
