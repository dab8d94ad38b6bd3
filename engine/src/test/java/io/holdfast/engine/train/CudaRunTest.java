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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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

  @ParameterizedTest
  @ValueSource(strings = {"fp32", "bf16", "fp16"})
  void aRunThatWasStoppedEndsInTheSameBits(String precision) throws IOException {
    TinyRun tiny = new TinyRun(folder, 80);
    Map<String, String> straight = options(tiny, "cuda", "6");
    straight.putAll(Map.of("precision", precision, "fp16_scale_window", "4", "average", "ema"));
    tiny.run(straight);
    Map<String, String> again = new HashMap<>(straight);
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
    assertEquals(tiny.hash("cuda6"), tiny.hash("again"));
    assertEquals(lossScales(tiny, "cuda6"), lossScales(tiny, "again"));
  }

  private static List<String> lossScales(TinyRun tiny, String output) throws IOException {
    List<String> scales = new ArrayList<>();
    for (String line : Files.readAllLines(tiny.output(output).resolve("metrics.jsonl"))) {
      JsonNode values = Json.parse(line);
      if (values.has("loss_scale")) {
        scales.add(values.get("split").asText() + " " + values.get("loss_scale").asText());
      }
    }
    return scales;
  }

  /** With 16 bits the parts of a run that are not products are the same. */
  @ParameterizedTest
  @CsvSource({"bf16, 0.0625", "fp16, 0.0078125"})
  void tenUpdatesWithHiddenStatesOf16BitsAreNearThoseOfCpu(String precision, double tolerance)
      throws IOException {
    TinyRun tiny = new TinyRun(folder, 80);
    tiny.run(options(tiny, "cpu", "10"));
    Map<String, String> half = options(tiny, "cuda", "10");
    half.put("precision", precision);
    tiny.run(half);
    assertEquals(losses(tiny, "cpu10").size(), losses(tiny, "cuda10").size());
    for (int i = 0; i < losses(tiny, "cpu10").size(); i++) {
      assertEquals(losses(tiny, "cpu10").get(i), losses(tiny, "cuda10").get(i), tolerance);
    }
  }

  private static List<Double> losses(TinyRun tiny, String output) throws IOException {
    List<Double> losses = new ArrayList<>();
    for (String line : Files.readAllLines(tiny.output(output).resolve("metrics.jsonl"))) {
      if (Json.parse(line).has("loss")) {
        losses.add(Json.parse(line).get("loss").asDouble());
      }
    }
    assertTrue(losses.size() > 3);
    return losses;
  }

  /** Too large a scale is halved until gradients are finite; no batch is lost by that. */
  @Test
  void anOverflowHalvesTheLossScaleAndTheUpdateIsDone() throws IOException {
    TinyRun tiny = new TinyRun(folder, 80);
    Map<String, String> half = options(tiny, "cuda", "6");
    half.putAll(Map.of("precision", "fp16", "logging_steps", "1"));
    tiny.run(half);
    half.put("output_dir", tiny.output("large").toString());
    half.put("fp16_init_scale", Double.toString(0x1p40));
    tiny.run(half);
    List<String> scales = lossScales(tiny, "large");
    long overflows = scales.stream().filter(s -> s.startsWith("overflow")).count();
    assertTrue(overflows > 16, scales.toString()); // from 2^40 below 2^24
    assertEquals("overflow " + 0x1p39, scales.get(0));
    assertEquals("train " + 0x1p40 / (1L << overflows), scales.get(scales.size() - 1));
    assertEquals(losses(tiny, "cuda6").size(), losses(tiny, "large").size());
    for (int i = 0; i < losses(tiny, "large").size(); i++) {
      assertEquals(losses(tiny, "cuda6").get(i), losses(tiny, "large").get(i), 16 * 0x1p-11);
    }
  }

  @Test
  void aLossScaleThatCannotFallEndsTheRun() {
    TinyRun tiny = new TinyRun(folder, 8);
    Map<String, String> half = options(tiny, "cuda", "1");
    half.putAll(
        Map.of(
            "precision",
            "fp16",
            "fp16_init_scale",
            Double.toString(0x1p40),
            "threshold_loss_scale",
            Double.toString(0x1p38)));
    HoldfastException e = assertThrows(HoldfastException.class, () -> tiny.run(half));
    assertEquals(HoldfastException.Kind.DIVERGED, e.kind());
    assertTrue(e.getMessage().contains("at a loss scale of " + 0x1p38), e.getMessage());
  }

  @Test
  void whatTheBackendDoesNotHaveIsSaid() {
    TinyRun tiny = new TinyRun(folder, 8);
    Map<String, String> bf16 = options(tiny, "cuda", "1");
    bf16.put("precision", "bf16-gemm");
    HoldfastException e = assertThrows(HoldfastException.class, () -> tiny.run(bf16));
    assertEquals(HoldfastException.Kind.BACKEND, e.kind());
    assertEquals(
        "backend cuda: bf16-gemm is the cpu's: use bf16, fp16, tf32 or fp32", e.getMessage());
    Map<String, String> tf32 = options(tiny, "cpu", "1");
    tf32.put("precision", "tf32");
    e = assertThrows(HoldfastException.class, () -> tiny.run(tf32));
    assertEquals(HoldfastException.Kind.BACKEND, e.kind());
  }
}
