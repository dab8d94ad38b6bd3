package io.holdfast.cli;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaFutureAction;

/** A job that also ends with its context: those that Spark had not begun then have no end there. */
record SparkJob(JavaFutureAction<List<String>> action, SparkContext context)
    implements Future<List<String>> {

  @Override
  public boolean cancel(boolean mayInterrupt) {
    return action.cancel(mayInterrupt);
  }

  @Override
  public boolean isCancelled() {
    return action.isCancelled();
  }

  @Override
  public boolean isDone() {
    return action.isDone() || context.isStopped();
  }

  /** Does not wait for the tasks of a job that was cancelled. */
  @Override
  public List<String> get() throws InterruptedException, ExecutionException {
    if (action.isCancelled()) {
      throw new CancellationException();
    } else if (context.isStopped() && !action.isDone()) {
      throw new ExecutionException(new IllegalStateException("the cluster is gone"));
    }
    return action.get();
  }

  @Override
  public List<String> get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException {
    return get();
  }
}
