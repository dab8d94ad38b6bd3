package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.cuda.EmulatedCuda;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs on the cuda backend, on an emulated driver. */
class CudaRunTest {

  @TempDir Path folder;

  @BeforeAll
  static void emulate() {
    EmulatedCuda.libraries();
  }

  private static Map<String, String> options(TinyRun tiny, String backend, String steps) {
    return tiny.options(
        backend + steps, "backend", backend, "criterion", "r3f", "max_steps", steps, "eps", "0.1");
  }

  @Test
  void tenUpdatesAndTheEvaluationAreThoseOfCpu() throws IOException {
    TinyRun tiny = new TinyRun(folder, 80);
    tiny.run(options(tiny, "cpu", "10"));
    tiny.run(options(tiny, "cuda", "10"));
    var cpu = Files.readAllLines(tiny.output("cpu10").resolve("metrics.jsonl"));
    var cuda = Files.readAllLines(tiny.output("cuda10").resolve("metrics.jsonl"));
    assertEquals(cpu.size(), cuda.size());
    int compared = 0;
    for (int i = 0; i < cpu.size(); i++) {
      for (String key : new String[] {"loss", "ce", "kl", "matthews_correlation"}) {
        JsonNode expected = Json.parse(cpu.get(i)).get(key);
        if (expected != null) {
          double actual = Json.parse(cuda.get(i)).get(key).asDouble();
          assertEquals(expected.asDouble(), actual, 1e-5, key + " of line " + i);
          compared++;
        }
      }
    }
    assertTrue(compared >= 3 * 3 + 2, compared + " numbers"); // 3 losses at steps 3, 6, 9 at least
    JsonNode backend =
        Json.parse(Files.readString(tiny.output("cuda10").resolve("run.json"))).get("backend");
    assertEquals("cuda", backend.get("name").asText());
    assertFalse(backend.get("device").get("device").asText().isBlank());
  }

  @Test
  void aRunThatWasStoppedEndsInTheSameBits() {
    TinyRun tiny = new TinyRun(folder, 80);
    tiny.run(options(tiny, "cuda", "6"));
    String straight = tiny.hash("cuda6");
    Map<String, String> again = options(tiny, "cuda", "6");
    again.put("output_dir", tiny.output("again").toString());
    StopSignal afterSome =
        new StopSignal() {
          private int polls;

          @Override
          public boolean isRequested() {
            return ++polls > 3;
          }
        };
    int steps = tiny.run(again, ProgressListener.SILENT, afterSome).steps();
    assertTrue(steps > 0 && steps < 6, "stopped after " + steps);
    tiny.run(again);
    assertEquals(straight, tiny.hash("again"));
  }

  @Test
  void whatTheBackendDoesNotHaveIsSaid() {
    TinyRun tiny = new TinyRun(folder, 8);
    Map<String, String> bf16 = options(tiny, "cuda", "1");
    bf16.put("precision", "bf16-gemm");
    HoldfastException e = assertThrows(HoldfastException.class, () -> tiny.run(bf16));
    assertEquals(HoldfastException.Kind.BACKEND, e.kind());
    assertEquals("backend cuda: bf16-gemm is not there: use fp32 or tf32", e.getMessage());
    Map<String, String> tf32 = options(tiny, "cpu", "1");
    tf32.put("precision", "tf32");
    e = assertThrows(HoldfastException.class, () -> tiny.run(tf32));
    assertEquals(HoldfastException.Kind.BACKEND, e.kind());
  }
}
