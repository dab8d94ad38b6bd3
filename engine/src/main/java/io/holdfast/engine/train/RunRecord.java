package io.holdfast.engine.train;

import static java.util.Locale.ROOT;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.run.Json;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.engine.run.Versions;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** run.json: what was run, on what, where, and how it ended. Also decides whether a run resumes. */
final class RunRecord {

  private static final List<String> HASHED = List.of("train", "validation");
  private static final String PEAK = "peak_resident_bytes";
  private static final String BF16 = Precision.BF16_GEMM.toString();

  private final RunFolder folder;
  private final TrainConfig config;
  private final ObjectNode json;

  private RunRecord(RunFolder folder, TrainConfig config, ObjectNode json) {
    this.folder = folder;
    this.config = config;
    this.json = json;
  }

  static RunRecord of(
      RunFolder folder, TrainConfig config, RunData data, Kernels kernels, int threads) {
    ObjectNode json = Json.object().put("format", 1).put("version", Versions.holdfast());
    json.set("config", Json.tree(config.toMap()));
    json.set("data", data.describe());
    json.putObject("backend")
        .put("name", kernels.name())
        .put("precision", config.precision().toString())
        .put("note", kernels.note())
        .put("threads", threads)
        .set("device", Json.tree(kernels.device()));
    json.set("machine", Json.tree(Machine.describe()));
    json.set("libraries", Json.tree(Versions.libraries()));
    return new RunRecord(folder, config, json);
  }

  /**
   * Throws (kind USAGE), with every difference, if the folder's earlier run is another one: other
   * options that matter, or other data.
   */
  void requireSameRun() {
    ObjectNode previous = folder.previousRun();
    Map<String, String> options = new HashMap<>();
    for (var option : previous.path("config").properties()) {
      options.put(option.getKey(), option.getValue().asText(null));
    }
    List<String> differences = config.differences(options);
    // On bf16 products the bits depend on the number of threads.
    int threadsBefore = previous.path("backend").path("threads").asInt();
    int threads = json.path("backend").path("threads").asInt();
    boolean bf16 = json.path("backend").path("precision").asText().equals(BF16);
    if (bf16 && threads != threadsBefore) {
      differences.add("--threads was " + threadsBefore + ", is " + threads);
    }
    String noteBefore = previous.path("backend").path("note").asText();
    String note = json.path("backend").path("note").asText();
    if (bf16 && note.isEmpty() != noteBefore.isEmpty()) {
      differences.add("this machine does not do bf16 products as that one did");
    }
    for (String split : HASHED) {
      String was = previous.path("data").path(split).path("sha256").asText("none");
      if (!was.equals(json.path("data").path(split).path("sha256").asText("none"))) {
        differences.add("the " + split + " file has changed");
      }
    }
    if (!differences.isEmpty()) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "--output-dir "
              + folder.path()
              + " holds another run: "
              + String.join("; ", differences)
              + "; name another folder, or give the same options to resume");
    }
  }

  /** Notes the start; earlier starts of the same run are kept, and the memory they took. */
  void started(String metric, Map<String, Double> majority) {
    json.put("metric", metric);
    json.set("majority", Json.tree(majority));
    ObjectNode previous = folder.previousRun();
    ArrayNode starts = json.putArray("starts");
    if (previous != null) {
      previous.path("starts").forEach(starts::add);
      json.put(PEAK, previous.path(PEAK).asLong());
    }
    starts.add(Instant.now().toString());
    json.put("exit", "running");
    folder.writeRun(json);
  }

  /** Notes a failure; if that fails as well, the first one remains the one to report. */
  void failed(Throwable e, int steps) {
    try {
      ended(e instanceof HoldfastException h ? h.kind().name().toLowerCase(ROOT) : "failed", steps);
    } catch (HoldfastException second) {
      e.addSuppressed(second);
    }
  }

  /**
   * @param exit "completed", "stopped", … or the kind of a failure
   */
  void ended(String exit, int steps) {
    json.put("end", Instant.now().toString()).put("exit", exit).put("steps", steps);
    json.put(PEAK, Math.max(json.path(PEAK).asLong(), Machine.peakResident()));
    folder.writeRun(json);
  }
}
