package io.holdfast.engine.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.criteria.LossReport;
import io.holdfast.engine.run.Json;
import io.holdfast.engine.run.MetricsLog;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.engine.run.TensorBoardWriter;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a run writes while it goes on: metrics.jsonl, TensorBoard events, the listener. */
final class RunLog implements AutoCloseable {

  private static final String EVAL = "eval";

  private final ProgressListener listener;
  private final MetricsLog metrics;
  private final TensorBoardWriter events;

  /**
   * @param state of the checkpoint that the run resumes; what was logged after it is dropped
   */
  RunLog(RunFolder folder, String runName, TrainState state, ProgressListener listener) {
    this.listener = listener;
    int next = state.step == 0 ? 0 : state.step + 1;
    boolean again = state.evaluationDue;
    this.metrics =
        new MetricsLog(
            folder.metrics(),
            line -> {
              int step = line.path("step").asInt(Integer.MAX_VALUE);
              boolean repeated = step == state.step && line.path("split").asText().equals(EVAL);
              return step < next && !(again && repeated);
            });
    this.events = new TensorBoardWriter(folder.events(runName), now(), next);
  }

  ProgressListener listener() {
    return listener;
  }

  MetricsLog metrics() {
    return metrics;
  }

  /** A line of training: means over the examples since the last one. */
  void training(
      int step,
      double epoch,
      LossReport report,
      double learningRate,
      double norm,
      double lossScale,
      double tokensPerSecond,
      StepCost cost) {
    Map<String, Number> values = new LinkedHashMap<>();
    values.put("loss", report.meanLoss());
    values.putAll(report.meanParts());
    values.put("learning_rate", learningRate);
    values.put("grad_norm", norm);
    if (lossScale != 1) {
      values.put("loss_scale", lossScale);
    }
    values.put("tokens_per_second", tokensPerSecond);
    values.putAll(cost.toMap());
    event(step, epoch, "train", values);
  }

  void evaluation(int step, double epoch, Map<String, Double> values, boolean best) {
    event(step, epoch, EVAL, values);
    listener.evaluated(step, epoch, values, best);
  }

  /** One line of values; those that are no series have a split of their own. */
  void event(int step, double epoch, String split, Map<String, ? extends Number> values) {
    ObjectNode line = Json.object();
    line.put("ts", Instant.now().toString()).put("step", step).put("epoch", epoch);
    line.put("split", split);
    Map<String, Double> tagged = new LinkedHashMap<>();
    values.forEach(
        (name, value) -> {
          line.set(name, Json.tree(value));
          tagged.put(split + "/" + name, value.doubleValue());
        });
    metrics.append(line);
    events.scalars(now(), step, tagged);
  }

  private static double now() {
    return System.currentTimeMillis() / 1000.0;
  }

  @Override
  public void close() {
    events.close();
    metrics.close();
  }
}
