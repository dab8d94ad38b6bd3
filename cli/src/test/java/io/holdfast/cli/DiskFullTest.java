package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.run.Json;
import io.holdfast.engine.train.Outcome;
import io.holdfast.engine.train.ProgressListener;
import io.holdfast.engine.train.StopSignal;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.engine.train.TrainJob;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The system itself refuses to write: a process with a limit on the size of its files. */
class DiskFullTest {

  /** What ulimit -f counts in, by POSIX. */
  private static final int BLOCK = 512;

  private static final int STOP = 3;
  private static final int STEPS = 6;

  @TempDir Path folder;

  private Path stopped;
  private Path checkpoint;

  /** A run with a checkpoint, and one that was not stopped. */
  @BeforeEach
  void aRunWithACheckpoint() throws IOException {
    ToyModel.write(folder.resolve("base"));
    ToyModel.rows(folder.resolve("rows.tsv"), 64);
    stopped = folder.resolve("stopped");
    checkpoint = stopped.resolve("checkpoint-" + STOP);
    assertEquals(Outcome.Status.COMPLETED, train(folder.resolve("straight"), STEPS + 1));
    assertEquals(Outcome.Status.STOPPED, train(stopped, STOP));
  }

  private Outcome.Status train(Path out, int stopAfter) {
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("model", folder.resolve("base"));
    options.put("train_file", folder.resolve("rows.tsv"));
    options.put("text_column", "text");
    options.put("label_column", "mood");
    options.put("eval_strategy", "no");
    options.put("save_strategy", "no");
    options.put("max_steps", STEPS);
    options.put("threads", 1);
    options.put("output_dir", out);
    StopSignal stop = new StopSignal();
    ProgressListener listener =
        new ProgressListener() {
          @Override
          public void step(Step step) {
            if (step.step() == stopAfter) {
              stop.request();
            }
          }
        };
    return TrainJob.run(TrainConfig.of(options), listener, stop).status();
  }

  @Test
  void aCheckpointThatDoesNotFitCostsNoOther() throws Exception {
    Path moments = checkpoint.resolve("optimizer.safetensors");
    byte[] before = Files.readAllBytes(moments);
    long weights = Files.size(checkpoint.resolve("model.safetensors"));
    String said = resumeWithin((weights + before.length) / 2);
    assertEquals(
        "holdfast train: "
            + stopped.resolve("checkpoint-" + STEPS)
            + ": the checkpoint cannot be written (File too large); earlier ones are intact: free"
            + " space and run the same command again\n",
        said);
    assertArrayEquals(before, Files.readAllBytes(moments));
    assertFalse(Files.exists(stopped.resolve("checkpoint-" + STEPS + ".tmp")), "takes no space");
    assertEquals(
        "io", Json.parse(Files.readString(stopped.resolve("run.json"))).get("exit").asText());

    Cli rest = Cli.run("train", "--config", stopped.resolve("run.json").toString());
    assertEquals(0, rest.exitCode(), rest.err());
    assertTrue(rest.err().contains("resuming after update " + STOP), rest.err());
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("straight/model.safetensors")),
        Files.readAllBytes(stopped.resolve("model.safetensors")));
  }

  @Test
  void aRecordThatDoesNotFitLeavesTheOldOne() throws Exception {
    byte[] before = Files.readAllBytes(stopped.resolve("run.json"));
    String said = resumeWithin(BLOCK);
    assertEquals(
        "holdfast train: "
            + stopped.resolve("run.json")
            + ": cannot be written (File too large); free space or choose another folder\n",
        said);
    assertArrayEquals(before, Files.readAllBytes(stopped.resolve("run.json")));
  }

  /** What the command says, in a process that can write files of so many bytes, before exit 7. */
  private String resumeWithin(long bytes) throws IOException, InterruptedException {
    run(0, "unlimited", "doctor", "--threads", "1"); // unpacks the native libraries
    String config = stopped.resolve("run.json").toString();
    String limit = String.valueOf(bytes / BLOCK);
    return run(7, limit, "train", "--config", config, "--log-format", "none");
  }

  private String run(int exitCode, String limit, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -f $0 && exec \"$@\""));
    command.add(limit);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:-UsePerfData", "-XX:TieredStopAtLevel=1"));
    // Another program may renew what lies in the shared folder meanwhile.
    command.add("-Dorg.bytedeco.javacpp.cachedir=" + folder.resolve("natives"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("JAVA_TOOL_OPTIONS"); // Java would say that it has them
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(exitCode, process.waitFor(), said);
    return said;
  }
}
