package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.apache.spark.launcher.JavaModuleOptions;

/** Processes of a Spark cluster on loopback, none of which outlives it. */
final class Cluster implements AutoCloseable {

  private static final Path HOME = Path.of("target/spark").toAbsolutePath();
  private static final Path HOLDFAST = Path.of("../cli/target/holdfast.jar").toAbsolutePath();
  private static final Pattern MASTER = Pattern.compile("Starting Spark master at (spark://\\S+)");
  private static final Pattern WORKER = Pattern.compile("Registering worker");
  private static final long POLL_MILLIS = 30;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(120);

  private final Path folder;
  private final Set<ProcessHandle> seen = new LinkedHashSet<>();
  private final Map<Process, String> logs = new HashMap<>();
  private final List<Process> workers = new ArrayList<>();
  private Process master;
  private String url;

  /**
   * @param folder of logs and of Spark's files
   */
  Cluster(Path folder) {
    this.folder = folder;
  }

  /** Starts a master and workers of one core each. */
  void start(int count) throws IOException, InterruptedException {
    String main = "org.apache.spark.deploy.master.Master";
    master = spark("master", main, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0");
    url = await(master, () -> found("master", MASTER).stream().findFirst().orElse(null)).group(1);
    for (int i = 0; i < count; i++) {
      main = "org.apache.spark.deploy.worker.Worker";
      String files = folder.resolve("worker" + i + "-files").toString();
      workers.add(
          spark(
              "worker" + i,
              main,
              "--host",
              "127.0.0.1",
              "--webui-port",
              "0",
              "--cores",
              "1",
              "--memory",
              "512m",
              "--work-dir",
              files,
              url));
    }
    await(master, () -> found("master", WORKER).size() == count ? true : null);
  }

  Process worker(int i) {
    return workers.get(i);
  }

  /** Starts {@code spark-submit holdfast.jar} with the arguments. */
  Process submit(String log, String... arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of("--master", url));
    for (String setting :
        List.of(
            "spark.driver.host=127.0.0.1",
            "spark.driver.bindAddress=127.0.0.1",
            "spark.executor.memory=512m",
            "spark.ui.enabled=false")) {
      all.addAll(List.of("--conf", setting));
    }
    all.add(HOLDFAST.toString());
    all.addAll(List.of(arguments));
    return spark(log, "org.apache.spark.deploy.SparkSubmit", all.toArray(String[]::new));
  }

  /** Starts {@code java -jar holdfast.jar} with the arguments. */
  Process holdfast(String log, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("-jar", HOLDFAST.toString()));
    command.addAll(List.of(arguments));
    return java(log, command);
  }

  private Process spark(String log, String main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(List.of("-Dspark.master.rest.enabled=false", "-cp", HOME + "/jars/*", main));
    command.addAll(List.of(arguments));
    return java(log, command);
  }

  private Process java(String log, List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.redirectOutput(folder.resolve(log).toFile());
    builder
        .environment()
        .putAll(
            Map.of(
                "JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
                "SPARK_HOME", HOME.toString(),
                "SPARK_LOCAL_IP", "127.0.0.1",
                "SPARK_SCALA_VERSION", "2.13"));
    Process process = builder.start();
    seen.add(process.toHandle());
    logs.put(process, log);
    return process;
  }

  String log(String name) {
    try {
      return Files.readString(folder.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<MatchResult> found(String log, Pattern pattern) {
    return pattern.matcher(log(log)).results().toList();
  }

  /** Waits for what is not null, as long as the process lives. */
  <T> T await(Process process, Supplier<T> value) throws InterruptedException {
    long start = System.nanoTime();
    while (process.isAlive() && System.nanoTime() - start < PATIENCE_NANOS) {
      ProcessHandle.current().descendants().forEach(seen::add);
      T now = value.get();
      if (now != null) {
        return now;
      }
      Thread.sleep(POLL_MILLIS);
    }
    return fail("waited in vain: " + log(logs.get(process)));
  }

  /** Waits until there is nothing but the master and the workers. */
  void awaitNoRuns() throws InterruptedException {
    List<ProcessHandle> staying = new ArrayList<>(List.of(master.toHandle()));
    workers.forEach(worker -> staying.add(worker.toHandle()));
    await(
        master,
        () -> seen.stream().anyMatch(p -> p.isAlive() && !staying.contains(p)) ? null : true);
  }

  @Override
  public void close() {
    ProcessHandle.current().descendants().forEach(seen::add);
    seen.forEach(ProcessHandle::destroyForcibly);
  }
}
