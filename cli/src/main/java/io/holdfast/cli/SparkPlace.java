package io.holdfast.cli;

import io.holdfast.engine.compare.TrialRunner.TrialFailure;
import io.holdfast.kernels.HoldfastException.Kind;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** A Spark cluster, seen from where there are none of Spark's classes. */
final class SparkPlace implements Place {

  /** Those that Spark has no core for wait there, each with a thread here. */
  private static final int WORKERS = 500;

  private static final long POLL_MILLIS = 100;

  private final BiFunction<List<String>, Runnable, Future<List<String>>> cluster;

  /**
   * @param cluster submits arguments of {@code holdfast}, calls the other when it starts, and
   *     promises the three parts of {@link Child.Ended}
   */
  SparkPlace(BiFunction<List<String>, Runnable, Future<List<String>>> cluster) {
    this.cluster = cluster;
  }

  @Override
  public int workers() {
    return WORKERS;
  }

  @Override
  public int threads(int workers) {
    return Integer.getInteger("spark.task.cpus", 1);
  }

  @Override
  public Child.Ended run(
      List<String> arguments, Runnable begins, Consumer<String> events, BooleanSupplier stop)
      throws InterruptedException {
    try {
      Future<List<String>> task = cluster.apply(arguments, begins);
      while (!task.isDone()) {
        if (stop.getAsBoolean()) {
          task.cancel(true);
        }
        Thread.sleep(POLL_MILLIS);
      }
      List<String> parts = task.get();
      return new Child.Ended(Integer.parseInt(parts.get(0)), parts.get(1), parts.get(2));
    } catch (CancellationException e) {
      return new Child.Ended(Training.STOPPED, "", "stopped");
    } catch (ExecutionException e) {
      throw failed(e.getCause());
    } catch (RuntimeException e) {
      throw failed(e);
    }
  }

  private static TrialFailure failed(Throwable e) {
    String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    return new TrialFailure(Kind.BACKEND.exitCode(), "Spark could not run it: " + message);
  }
}
