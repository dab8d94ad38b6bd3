package io.holdfast.engine.train;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.LossReport;
import io.holdfast.engine.criteria.NoiseAudit;
import io.holdfast.engine.criteria.R3fOptions;
import io.holdfast.engine.data.TokenizedDataset;
import io.holdfast.engine.optim.AdamW;
import io.holdfast.engine.optim.AdamWConfig;
import io.holdfast.engine.optim.GradientClip;
import io.holdfast.engine.optim.LossScale;
import io.holdfast.engine.optim.LossScaleOptions;
import io.holdfast.engine.optim.ParameterGroup;
import io.holdfast.engine.optim.Schedule;
import io.holdfast.engine.run.Checkpoints;
import io.holdfast.engine.strategies.LayerRates;
import io.holdfast.engine.strategies.Mixout;
import io.holdfast.engine.strategies.StrategyOptions;
import io.holdfast.engine.strategies.WeightAverage;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.Work;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The training loop. Update k draws from {@code Key.of(seed).at(k)} and its batch is a function of
 * (seed, epoch, position), so a run is its {@link TrainState}, weights and moments, and a resumed
 * one goes on with the same bits.
 */
final class Trainer {

  /** Key of what a criterion keeps: fresh heads have −2, steps 0 on. */
  private static final long CRITERION_STATE = -3;

  private static final String AVERAGE = "average";

  private final TrainConfig config;
  private final Workspace space;
  private final TokenizedDataset train;
  private final TrainPlan plan;
  private final Validation validation;
  private final Criterion criterion;
  private final Parameters gradients;
  private final AdamW adam;
  private final WeightAverage average;
  private final LossScaleOptions lossScaling;
  private final Schedule schedule;
  private final Checkpoints checkpoints;
  private final TrainingCheckpoint saved;
  private final StopSignal stop;

  private TrainState state = new TrainState();

  /** Where this process took the run up. */
  private TrainState.Mark resumedAt = state.mark();

  private RunLog log;
  private int savedStep = -1;

  /**
   * @param space sized for training, its weights filled
   */
  Trainer(
      TrainConfig config,
      Workspace space,
      TokenizedDataset train,
      TokenizedDataset dev,
      TrainPlan plan,
      Checkpoints checkpoints,
      StopSignal stop) {
    this.config = config;
    this.space = space;
    this.train = train;
    this.plan = plan;
    this.validation = new Validation(config, train, dev, plan.totalSteps());
    this.criterion = criterion(config);
    this.gradients = space.block();
    this.adam =
        new AdamW(
            space.kernels,
            space.parameters,
            space.model.weights(),
            new AdamWConfig(
                config.adamBeta1(),
                config.adamBeta2(),
                config.adamEpsilon(),
                config.adamBiasCorrection(),
                config.adamEpsilonInside()),
            groups(config, space.model.config()));
    this.lossScaling = config.lossScaling();
    this.schedule = plan.schedule(config);
    this.checkpoints = checkpoints;
    Key key = Key.of(config.seed()).at(CRITERION_STATE);
    Map<String, Parameters> more =
        new LinkedHashMap<>(criterion.takeState(space.kernels, space.parameters, space.model, key));
    this.average = average(config, space, plan);
    if (average != null) {
      more.put(AVERAGE, average.block());
    }
    this.saved = new TrainingCheckpoint(space.kernels, space.model.weights(), adam, more);
    this.stop = stop;
  }

  /** A criterion as the strategies change it. */
  static Criterion criterion(TrainConfig config) {
    Criterion plain = Criteria.create(config.criterion(), config.criterionOptions());
    return Mixout.around(plain, config.strategies().mixout());
  }

  private static WeightAverage average(TrainConfig config, Workspace space, TrainPlan plan) {
    if (!config.strategies().averages()) {
      return null;
    }
    return new WeightAverage(
        space.kernels,
        space.activations,
        config.strategies(),
        space.model.weights(),
        space.block(),
        plan.totalSteps());
  }

  /** How the optimiser treats each parameter; null for what is frozen. */
  private static Function<ParameterLayout.Entry, ParameterGroup> groups(
      TrainConfig config, ModelConfig model) {
    StrategyOptions strategies = config.strategies();
    LayerRates rates = new LayerRates(strategies, model.layers(), config.learningRate());
    return entry -> {
      boolean decays = config.weightDecayAll() || !entry.vector();
      return strategies.frozen().covers(entry)
          ? null
          : new ParameterGroup(rates.factor(entry), decays ? config.weightDecay() : 0);
    };
  }

  TrainState state() {
    return state;
  }

  Validation validation() {
    return validation;
  }

  AdamW adam() {
    return adam;
  }

  /** Goes on from a checkpoint instead of from the beginning. */
  void resume(int step) {
    state = saved.load(checkpoints.path(step));
    resumedAt = state.mark();
    savedStep = state.evaluationDue ? -1 : step;
  }

  /** Trains until all updates are done, no better model is found for too long, or a stop. */
  Outcome.Status run(RunLog runLog) {
    log = runLog;
    log.listener().started(state.step, plan.totalSteps());
    try {
      train();
    } catch (StopSignal.Requested e) {
      if (state.step != resumedAt.step()) { // what was there is as good
        save();
      }
      return Outcome.Status.STOPPED;
    }
    return state.earlyStopped ? Outcome.Status.EARLY_STOPPED : Outcome.Status.COMPLETED;
  }

  private void train() {
    if (state.step == 0) {
      begin();
    } else {
      afterUpdate();
    }
    while (!isOver()) {
      List<List<int[]>> updates = plan.updates(state.epoch);
      for (int i = state.updateInEpoch; i < updates.size() && !isOver(); i++) {
        stop.check();
        update(updates.get(i), updates.size());
        boolean endOfEpoch = i + 1 == updates.size();
        state.epoch += endOfEpoch ? 1 : 0;
        state.updateInEpoch = endOfEpoch ? 0 : i + 1;
        state.evaluationDue = validation.isDue(state.step, endOfEpoch, isOver());
        afterUpdate();
      }
    }
  }

  /** Evaluates and saves where that is due; a run that was stopped before it resumes here. */
  private void afterUpdate() {
    boolean better = state.evaluationDue && evaluate();
    if (better || isOver() || isSaveDue()) {
      save();
    }
    validation.stopIfDegenerate(state);
  }

  private boolean isOver() {
    return state.step >= plan.totalSteps() || state.earlyStopped;
  }

  /** The model of the best evaluation, or the last one without evaluations, into the weights. */
  void restoreBest() {
    int best = state.bestStep > 0 ? state.bestStep : state.step;
    boolean averaged = isAveraged(best);
    if (best != state.step && !checkpoints.verify(best)) {
      throw new HoldfastException(
          HoldfastException.Kind.MODEL_FILE,
          checkpoints.path(best)
              + ": the best model is damaged or gone: run the same command again");
    }
    if (best != state.step) {
      Path checkpoint = checkpoints.path(best);
      saved.loadMore(checkpoint);
      saved.loadWeights(checkpoint, averaged ? AVERAGE : TrainingCheckpoint.MODEL);
    } else if (averaged) {
      space.kernels.copy(space.model.weights().block(), average.block().block());
    }
  }

  private void begin() {
    if (isScaled()) {
      state.lossScale = LossScale.initial(lossScaling.fp16InitScale());
    }
    if (criterion.addsNoise()) {
      PackedBatch first = train.pack(plan.updates(0).get(0).get(0));
      R3fOptions options = config.criterionOptions().r3f();
      NoiseAudit audit = NoiseAudit.measure(space.model, pass(0), first, options);
      log.listener().message(audit.toString());
      boolean negligible = audit.isNegligible(options.r3fDropout());
      if (negligible && options.isPublished()) {
        log.listener().message(audit.warning());
      } else if (negligible) {
        log.listener().warning(audit.warning());
      }
      log.event(0, 0, "noise_audit", audit.toMap());
    }
    if (config.evalOnStart() && validation.isPossible()) {
      state.before = validation.measure(space, stop).metrics();
      log.evaluation(0, 0, state.before, false);
    }
  }

  /** One update: accumulate, check, clip, schedule, AdamW. */
  private void update(List<int[]> microBatches, int updatesInEpoch) {
    long start = System.nanoTime();
    Work before = space.model.work();
    double epoch = state.epoch + (state.updateInEpoch + 1.0) / updatesInEpoch;
    space.model.weightsChanged(space.kernels);
    criterion.beginUpdate(space.kernels);
    LossReport report = accumulate(microBatches);
    double norm = GradientClip.norm(space.kernels, gradients);
    while (isOverflow(report, norm)) {
      state.lossScale = state.lossScale.afterOverflow(lossScaling.thresholdLossScale());
      log.event(state.step + 1, epoch, "overflow", Map.of("loss_scale", state.lossScale.scale()));
      report = accumulate(microBatches);
      norm = GradientClip.norm(space.kernels, gradients);
    }
    checkFinite(report, norm, epoch);
    double scale = state.lossScale.scale();
    norm /= scale;
    double learningRate = learningRate(state.step + 1);
    adam.step(gradients, learningRate, GradientClip.factor(norm, config.maxGradNorm()) / scale);
    state.step++;
    if (isScaled()) {
      int window = lossScaling.window(config.gradientAccumulationSteps());
      state.lossScale = state.lossScale.afterUpdate(window);
    }
    if (average != null) {
      average.observe(state.step);
    }
    Work work = space.model.work().minus(before);
    state.add(report, work, (System.nanoTime() - start) * 1e-9);
    report(report, norm, learningRate, epoch);
  }

  /** The gradients of a whole update, times the loss scale. */
  private LossReport accumulate(List<int[]> microBatches) {
    space.kernels.zero(gradients.block());
    Pass pass = pass(state.step).withLossScale((float) state.lossScale.scale());
    int examples = microBatches.stream().mapToInt(indices -> indices.length).sum();
    LossReport report = LossReport.EMPTY;
    for (int[] indices : microBatches) {
      PackedBatch batch = train.pack(indices);
      float scale = pass.lossScale() / examples;
      report = report.plus(criterion.accumulate(space.model, pass, batch, scale, gradients));
    }
    criterion.endUpdate(pass, gradients);
    return report;
  }

  private boolean isScaled() {
    return config.precision() == Precision.FP16;
  }

  /** Whether the gradients alone are too large, and a smaller scale is left to try. */
  private boolean isOverflow(LossReport report, double norm) {
    return isScaled()
        && Double.isFinite(report.loss())
        && !Double.isFinite(norm)
        && !lossScaling.isLast(state.lossScale);
  }

  /** Of update {@code step}, from 1. */
  private double learningRate(int step) {
    Double own = config.strategies().averageLearningRate();
    boolean averaging = average != null && average.hasBegun(step - 1);
    return own != null && averaging ? own : schedule.at(step);
  }

  private Pass pass(int step) {
    Key key = Key.of(config.seed()).at(step);
    return new Pass(space.kernels, space.activations, key, true, true);
  }

  private void checkFinite(LossReport report, double norm, double epoch) {
    try {
      NonFinite.check(
          space.kernels,
          state.step + 1,
          report,
          norm,
          state.lossScale.scale(),
          space.model.weights(),
          gradients);
    } catch (HoldfastException e) {
      Map<String, Double> values = Map.of("loss", report.meanLoss(), "grad_norm", norm);
      log.event(state.step + 1, epoch, "diverged", values);
      throw e;
    }
  }

  private void report(LossReport report, double norm, double learningRate, double epoch) {
    double speed = state.tokensPerSecond(resumedAt);
    int left = plan.totalSteps() - state.step;
    long remaining = Math.round(state.secondsPerStep(resumedAt) * left);
    log.listener()
        .step(
            new ProgressListener.Step(
                state.step,
                plan.totalSteps(),
                epoch,
                report.meanLoss(),
                report.meanParts(),
                learningRate,
                norm,
                speed,
                Duration.ofSeconds(remaining)));
    if (state.step % config.loggingSteps() == 0 || state.step == plan.totalSteps()) {
      double lossScale = state.lossScale.scale();
      StepCost cost = state.recentCost(space.plan.extra());
      log.training(state.step, epoch, state.sinceLog, learningRate, norm, lossScale, speed, cost);
      state.sinceLog = LossReport.EMPTY;
      state.workSinceLog = Work.NONE;
    }
  }

  private boolean isAveraged(int step) {
    return average != null && average.isThere(step);
  }

  /**
   * Evaluates, and says whether the model is the best so far. The first average is, whatever came
   * before it: who asks for one does not get weights from before it.
   */
  private boolean evaluate() {
    Evaluator.Evaluation evaluation = measure();
    state.evaluationDue = false;
    Map<String, Double> metrics = evaluation.metrics();
    boolean firstAverage = isAveraged(state.step) && !isAveraged(state.bestStep);
    boolean better = firstAverage || validation.isBetter(metrics, state.best);
    if (better) {
      state.best = metrics;
      state.bestStep = state.step;
      state.evaluationsSinceBest = 0;
    } else {
      state.evaluationsSinceBest++;
    }
    double epoch = plan.epochs(state);
    log.evaluation(state.step, epoch, metrics, better);
    validation.detect(state, evaluation, log.listener());
    state.sinceEvaluation = LossReport.EMPTY;
    boolean mayStop = average == null || isAveraged(state.step);
    state.earlyStopped =
        mayStop && config.patience() > 0 && state.evaluationsSinceBest >= config.patience();
    return better;
  }

  /** The average, or the weights where there is none. */
  private Evaluator.Evaluation measure() {
    if (!isAveraged(state.step)) {
      return validation.measure(space, stop);
    }
    average.swap();
    try {
      return validation.measure(space, stop);
    } finally {
      average.swap();
    }
  }

  private boolean isSaveDue() {
    return switch (config.saveStrategy()) {
      case NO -> false;
      case STEPS -> state.step % config.saveSteps() == 0;
      case EPOCH -> state.updateInEpoch == 0;
    };
  }

  private void save() {
    if (state.step > 0 && savedStep != state.step) {
      log.listener().saved(state.step, saved.save(checkpoints, state));
      savedStep = state.step;
    }
  }
}
