package io.holdfast.engine.train;

import io.holdfast.engine.criteria.LossReport;
import io.holdfast.engine.optim.LossScale;
import io.holdfast.model.Work;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Everything of a run that is not weights or moments: written to state.json of each checkpoint
 * field by field. Random numbers and data order are functions of seed and position, so there is no
 * generator to save.
 */
final class TrainState {

  /** Updates done. */
  public int step;

  /** Epochs done in full. */
  public int epoch;

  /** Updates done of the current epoch. */
  public int updateInEpoch;

  /** The evaluation that follows the last update has not been done. */
  public boolean evaluationDue;

  /** Of the next update. */
  public LossScale lossScale = LossScale.NONE;

  /** Since the last log line, since the last evaluation, and in all. */
  public LossReport sinceLog = LossReport.EMPTY;

  public LossReport sinceEvaluation = LossReport.EMPTY;
  public LossReport total = LossReport.EMPTY;
  public Work workSinceLog = Work.NONE;
  public Work totalWork = Work.NONE;

  public Map<String, Double> before = new LinkedHashMap<>();
  public Map<String, Double> best = new LinkedHashMap<>();
  public int bestStep;
  public int evaluationsSinceBest;
  public int suspiciousEvaluations;

  /** What was said of the run when it was found degenerate; null if it was not. */
  public String degenerate;

  /** Set when the run ended before all updates were done. */
  public boolean earlyStopped;

  /** Time spent in updates, all parts of the run together. */
  public double trainSeconds;

  /** What was done up to a moment. */
  record Mark(int step, long tokens, double seconds) {}

  /** Counts one update. */
  void add(LossReport report, Work work, double seconds) {
    sinceLog = sinceLog.plus(report);
    sinceEvaluation = sinceEvaluation.plus(report);
    total = total.plus(report);
    workSinceLog = workSinceLog.plus(work);
    totalWork = totalWork.plus(work);
    trainSeconds += seconds;
  }

  Mark mark() {
    return new Mark(step, total.tokens(), trainSeconds);
  }

  /** Passes since the last log line; the time is of the whole run. */
  StepCost recentCost(long extraMemory) {
    return StepCost.of(workSinceLog, sinceLog.tokens(), trainSeconds / step, extraMemory);
  }

  /** Of all updates. */
  StepCost cost(long extraMemory) {
    return StepCost.of(totalWork, total.tokens(), trainSeconds / step, extraMemory);
  }

  double tokensPerSecond() {
    return total.tokens() / trainSeconds;
  }

  /** Of the updates since a mark: how fast the run is now, whatever an earlier process took. */
  double tokensPerSecond(Mark since) {
    return (total.tokens() - since.tokens) / (trainSeconds - since.seconds);
  }

  double secondsPerStep(Mark since) {
    return (trainSeconds - since.seconds) / (step - since.step);
  }
}
