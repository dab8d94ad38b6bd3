package io.holdfast.cli;

import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;

/**
 * The command line under spark-submit. Spark brings other versions of libraries that Holdfast has,
 * so Holdfast is loaded apart from them, and the two meet in classes of the JDK: every run of a
 * grid is a Spark job of one task.
 */
final class SparkMain extends SparkListener {

  private static final String ASSETS = "holdfast.assets";
  private static final String GROUP = "spark.jobGroup.id";
  private static final long SAVING_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final long POLL_MILLIS = 100;

  private final SparkTask task;
  private final AtomicInteger jobs = new AtomicInteger();
  private final AtomicInteger running = new AtomicInteger();
  private final Map<String, Runnable> begins = new ConcurrentHashMap<>();
  private final Map<Integer, String> groups = new ConcurrentHashMap<>();

  /**
   * Made for the first run, as a command that runs none needs no cluster; once, if it fails too.
   */
  private final FutureTask<JavaSparkContext> context = new FutureTask<>(this::connect);

  private SparkMain(Path jar) {
    task =
        new SparkTask(jar.toString(), System.getProperty(ASSETS), System.getProperty("user.dir"));
  }

  /** Runs one command and returns its exit code. */
  static int run(String[] args)
      throws ReflectiveOperationException, URISyntaxException, InterruptedException {
    URL url = SparkMain.class.getProtectionDomain().getCodeSource().getLocation();
    Path jar = Path.of(url.toURI());
    Path built = jar.resolveSibling("../../target/assets").normalize();
    System.setProperty(ASSETS, System.getProperty(ASSETS, built.toString()));
    SparkMain spark = new SparkMain(jar);
    BiFunction<List<String>, Runnable, Future<List<String>>> cluster = spark::submit;
    ClassLoader own = new URLClassLoader(new URL[] {url}, ClassLoader.getPlatformClassLoader());
    try {
      return (int)
          own.loadClass(Main.class.getName())
              .getMethod("onSpark", BiFunction.class, String[].class)
              .invoke(null, cluster, args);
    } finally {
      spark.awaitSaving();
    }
  }

  private Future<List<String>> submit(List<String> arguments, Runnable begin) {
    String group = "holdfast-" + jobs.incrementAndGet();
    begins.put(group, begin);
    try {
      context.run();
      JavaSparkContext spark = context.get();
      spark.setJobGroup(group, String.join(" ", arguments), false);
      var job = spark.parallelize(arguments, 1).mapPartitions(task).collectAsync();
      return new SparkJob(job, spark.sc());
    } catch (ExecutionException e) {
      return CompletableFuture.failedFuture(e.getCause());
    } catch (InterruptedException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private JavaSparkContext connect() {
    SparkConf settings = new SparkConf().setIfMissing("spark.log.level", "WARN");
    JavaSparkContext spark = new JavaSparkContext(settings);
    spark.sc().addSparkListener(this);
    return spark;
  }

  @Override
  public void onStageSubmitted(SparkListenerStageSubmitted stage) {
    groups.put(stage.stageInfo().stageId(), stage.properties().getProperty(GROUP));
  }

  @Override
  public void onTaskStart(SparkListenerTaskStart started) {
    running.incrementAndGet();
    begins.get(groups.get(started.stageId())).run();
  }

  @Override
  public void onTaskEnd(SparkListenerTaskEnd ended) {
    running.decrementAndGet();
  }

  /** The cluster is gone. */
  @Override
  public void onApplicationEnd(SparkListenerApplicationEnd end) {
    running.set(0);
  }

  /** Executors end with this process: runs that were told to stop are given time to save before. */
  private void awaitSaving() throws InterruptedException {
    long start = System.nanoTime();
    while (running.get() > 0 && System.nanoTime() - start < SAVING_NANOS) {
      Thread.sleep(POLL_MILLIS);
    }
  }
}
