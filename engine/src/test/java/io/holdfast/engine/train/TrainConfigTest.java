package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.options.Options;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Precision;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainConfigTest {

  private static Map<String, Object> least() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", "minilm");
    values.put("task", "cola");
    values.put("data_dir", "data");
    values.put("output_dir", "out");
    return values;
  }

  private static TrainConfig with(String key, Object value) {
    Map<String, Object> values = least();
    values.put(key, value);
    return TrainConfig.of(values);
  }

  @Test
  void takesDefaultsOfHuggingFace() {
    TrainConfig c = TrainConfig.of(least());
    assertEquals(5e-5, c.learningRate());
    assertEquals(8, c.perDeviceTrainBatchSize());
    assertEquals(3, c.numTrainEpochs());
    assertEquals(-1, c.maxSteps());
    assertEquals(42, c.seed());
    assertEquals(1.0, c.maxGradNorm());
    assertEquals(1e-8, c.adamEpsilon());
    assertEquals(0, c.weightDecay());
    assertEquals(1e-5, c.criterionOptions().r3f().eps());
    assertEquals(NoiseType.UNIFORM, c.criterionOptions().r3f().noiseType());
    assertEquals(Precision.FP32, c.precision());
    assertEquals(Path.of("out"), c.outputDir());
    assertNull(c.classifierDropout());
  }

  /** As a variable that is not set is in a script. */
  @Test
  void emptyValuesAreRefusedWhereThereIsADefault() {
    for (String key :
        List.of("seed", "average", "eval_strategy", "learning_rate", "group_by_length")) {
      HoldfastException e = assertThrows(HoldfastException.class, () -> with(key, ""));
      assertEquals(HoldfastException.Kind.USAGE, e.kind());
      assertTrue(e.getMessage().contains(" is empty: use "), e.getMessage());
    }
    assertNull(with("classifier_dropout", "").classifierDropout());
  }

  @Test
  void goesThroughJsonUnchanged() {
    Map<String, Object> values = least();
    values.put("precision", "bf16-gemm");
    values.put("noise-type", "NORMAL");
    values.put("eps", 3e-7);
    values.put("classifier_dropout", "0.25");
    values.put("seed", Long.MAX_VALUE);
    TrainConfig c = TrainConfig.of(values);
    assertEquals(Precision.BF16_GEMM, c.precision());
    assertEquals(Long.MAX_VALUE, c.seed());
    Map<String, Object> read = new LinkedHashMap<>();
    Json.parse(Json.pretty(Json.tree(c.toMap())))
        .properties()
        .forEach(e -> read.put(e.getKey(), e.getValue().isNull() ? null : e.getValue().asText()));
    assertEquals(c, TrainConfig.of(read));
    assertEquals(c, TrainConfig.of(c.toMap()));
  }

  @ParameterizedTest
  @CsvSource({
    "learning_rate, 0, > 0",
    "learning_rate, NaN, > 0",
    "learning_rate, fast, number",
    "adam_beta1, 1, >= 0 and < 1",
    "r3f_lambda, -1, >= 0",
    "max_seq_length, 2, >= 3",
    "per_device_train_batch_size, 1.5, integer",
    "noise_type, gauss, uniform|normal",
    "lr_scheduler_type, step, constant|linear|polynomial|cosine",
    "adam_bias_correction, maybe, true|false",
    "precision, fp64, fp32|tf32|bf16|fp16|bf16-gemm",
    "learning_rat, 1, --learning-rate",
    "regression, true, --task names"
  })
  void refusesAndSaysWhatIsMeant(String key, String value, String part) {
    HoldfastException e = assertThrows(HoldfastException.class, () -> with(key, value));
    assertEquals(HoldfastException.Kind.USAGE, e.kind());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void namesWhatIsMissing() {
    for (String key : least().keySet()) {
      Map<String, Object> values = least();
      values.remove(key);
      HoldfastException e = assertThrows(HoldfastException.class, () -> TrainConfig.of(values));
      assertTrue(e.getMessage().contains("--" + key.replace('_', '-')), e.getMessage());
    }
  }

  @Test
  void everyOptionIsDescribed() {
    Set<String> keys =
        Options.describe(TrainConfig.class).stream()
            .peek(info -> assertFalse(info.help().isBlank() || info.type().isBlank()))
            .map(Options.Info::key)
            .collect(Collectors.toSet());
    assertEquals(TrainConfig.of(least()).toMap().keySet(), keys);
    assertTrue(keys.contains("adam_beta1") && keys.contains("r3f_stop_grad"));
  }

  @Test
  void measuresEdits() {
    assertEquals(0, Options.distance("eps", "eps"));
    assertEquals(3, Options.distance("kitten", "sitting"));
    assertEquals(4, Options.distance("", "seed"));
  }
}
