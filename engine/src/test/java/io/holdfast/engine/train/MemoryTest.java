package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The memory of a whole process while it trains: kernels take addresses, which nobody counts. */
class MemoryTest {

  static final int FROM = 200;
  static final int TO = 1000;

  private static final int BATCH = 16;

  /** Tokens of a row, specials included: 1 to 15 words and two more. */
  private static final int MEAN_LENGTH = 10;

  private static final int HIDDEN = 16;

  @TempDir Path folder;

  /**
   * A child with a heap of constant size, touched as a whole at its start: what grows is native.
   * Half of one [N,H] left behind by each update would be over the bound.
   */
  @Test
  void theProcessStaysFlat() throws IOException, InterruptedException {
    Path status = Path.of("/proc/self/status");
    assumeTrue(Files.exists(status), "no /proc on this system");
    TinyRun tiny = new TinyRun(folder, 300);
    Map<String, String> options =
        tiny.options(
            "out",
            "max_steps",
            String.valueOf(TO),
            "criterion",
            "r3f",
            "eval_strategy",
            "no",
            "save_strategy",
            "no",
            "per_device_train_batch_size",
            String.valueOf(BATCH));
    Path log = folder.resolve("child.log");
    List<String> heap = List.of("-Xms96m", "-Xmx96m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC");
    Process child = TrainingChild.start(heap, 0, options, log);
    assertEquals(0, child.waitFor(), Files.readString(log));
    long[] rss =
        Files.readAllLines(log).stream()
            .filter(line -> line.startsWith(TrainingChild.RSS))
            .mapToLong(line -> Long.parseLong(line.substring(TrainingChild.RSS.length())))
            .toArray();
    assertEquals(2, rss.length);
    long perUpdate = 4L * BATCH * MEAN_LENGTH * HIDDEN / 2;
    long growth = rss[1] - rss[0];
    assertTrue(growth < (TO - FROM) * perUpdate, growth + " bytes from " + rss[0]);
  }
}
