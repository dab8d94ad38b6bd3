package io.holdfast.engine.train;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.data.TokenizedDataset;
import io.holdfast.engine.run.Json;
import io.holdfast.engine.run.RunFolder;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The result files of a finished run, under Hugging Face's names and keys. */
final class Reports {

  /** Written when a run has ended. */
  static final String RESULTS = "train_results.json";

  private static final List<String> NO_SERIES = List.of("ts", "step", "epoch", "split");

  private Reports() {}

  static void write(
      RunFolder folder,
      RunData data,
      TrainState state,
      TrainPlan plan,
      StepCost cost,
      Map<String, Double> majority) {
    ObjectNode train = Json.object();
    train.put("epoch", plan.epochs(state));
    train.put("train_loss", state.total.meanLoss());
    state.total.meanParts().forEach((name, value) -> train.put("train_" + name, value));
    train.put("train_runtime", state.trainSeconds);
    train.put("train_samples", data.train().size());
    train.put("train_samples_per_second", state.total.examples() / state.trainSeconds);
    train.put("train_steps_per_second", state.step / state.trainSeconds);
    train.put("train_tokens_per_second", state.tokensPerSecond());
    cost.toMap().forEach((name, value) -> train.set("train_" + name, Json.tree(value)));
    folder.write(RESULTS, Json.pretty(train));

    ObjectNode all = train.deepCopy();
    if (state.bestStep > 0) {
      ObjectNode eval = Json.object();
      state.best.forEach((name, value) -> eval.put("eval_" + name, value));
      majority.forEach((name, value) -> eval.put("majority_" + name, value));
      eval.put("eval_samples", data.dev().size()).put("eval_step", state.bestStep);
      folder.write("eval_results.json", Json.pretty(eval));
      all.setAll(eval);
    }
    folder.write("all_results.json", Json.pretty(all));
  }

  /** trainer_state.json: the counters and the log, as Hugging Face's trainer keeps them. */
  static void writeState(
      RunFolder folder,
      TrainConfig config,
      TrainState state,
      TrainPlan plan,
      String metric,
      List<ObjectNode> lines) {
    ObjectNode json = Json.object();
    if (state.bestStep > 0) {
      json.put("best_metric", state.best.get(metric));
      json.put("best_global_step", state.bestStep);
      json.put("best_model_checkpoint", "checkpoint-" + state.bestStep);
    }
    json.put("epoch", plan.epochs(state)).put("global_step", state.step);
    json.put("max_steps", plan.totalSteps()).put("num_train_epochs", config.numTrainEpochs());
    json.put("train_batch_size", config.perDeviceTrainBatchSize());
    json.put("logging_steps", config.loggingSteps());
    ArrayNode history = json.putArray("log_history");
    for (ObjectNode line : lines) {
      String split = line.path("split").asText();
      String prefix = split.equals("train") ? "" : split + "_";
      ObjectNode entry = history.addObject();
      entry.set("epoch", line.get("epoch"));
      entry.set("step", line.get("step"));
      line.properties().stream()
          .filter(value -> !NO_SERIES.contains(value.getKey()))
          .forEach(value -> entry.set(prefix + value.getKey(), value.getValue()));
    }
    folder.write("trainer_state.json", Json.pretty(json));
  }

  /** One line a row, in the order of the data: label names, or numbers with three decimals. */
  static void writePredictions(RunFolder folder, TokenizedDataset test, float[] logits) {
    StringBuilder text = new StringBuilder("index\tprediction\n");
    List<Prediction> predictions = Predictions.of(test.data().task(), logits);
    for (int i = 0; i < predictions.size(); i++) {
      Prediction p = predictions.get(i);
      String answer =
          p.labelName() == null ? String.format(Locale.ROOT, "%.3f", p.value()) : p.labelName();
      text.append(i).append('\t').append(answer).append('\n');
    }
    folder.write("predict_results_" + test.data().task().name() + ".txt", text.toString());
  }
}
