package io.holdfast.engine.train;

import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.data.Batches;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.run.Checkpoints;
import io.holdfast.engine.run.Disk;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.io.ModelFolder;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A training run from files to files: what the command {@code train} does. */
public final class TrainJob {

  private final TrainConfig config;
  private final ProgressListener listener;
  private final StopSignal stop;

  private TrainJob(TrainConfig config, ProgressListener listener, StopSignal stop) {
    this.config = config;
    this.listener = listener;
    this.stop = stop;
  }

  /**
   * Opens model and data, trains (or resumes what the output folder holds) and writes the best
   * model and the reports. Failures a user can act on are {@link HoldfastException}s.
   */
  public static Outcome run(TrainConfig config, ProgressListener listener, StopSignal stop) {
    return new TrainJob(config, listener, stop).run();
  }

  private Outcome run() {
    Criterion criterion = Trainer.criterion(config);
    int threads = config.threads() == 0 ? Machine.cores() : config.threads();
    try (RunFolder folder = RunFolder.claim(config.outputDir());
        Kernels kernels = Backends.open(config.backend(), threads, config.precision());
        Pretrained pretrained = Pretrained.open(config.model())) {
      if (!kernels.note().isEmpty()) {
        listener.warning(kernels.note());
      }
      Task task = RunData.task(config, listener);
      if (pretrained.hasHeadFor(task)) {
        task = task.withLabelOrder(pretrained.folder.config().labels());
      }
      ModelConfig model = pretrained.configFor(task, config);
      config.strategies().check(model);
      int maxTokens = Math.min(config.maxSeqLength(), model.maxTokens());
      RunData data = RunData.read(config, task, pretrained.tokenizer, maxTokens, listener);
      TrainPlan plan = new TrainPlan(config, data.train());
      config.strategies().checkAverage(plan.totalSteps());
      RunRecord record = RunRecord.of(folder, config, data, kernels, threads);
      Checkpoints checkpoints = new Checkpoints(folder.path(), Disk.REAL, config.saveTotalLimit());
      int resumed = newestCheckpoint(folder, checkpoints, record);

      Batches.Bounds eval = data.evaluationBounds(config.perDeviceEvalBatchSize());
      RunMemory memory = RunMemory.forTraining(kernels, model, criterion, plan.bounds(), eval);
      memory = config.strategies().averages() ? memory.withAverage() : memory;
      memory.check(kernels.freeMemory().orElseGet(Machine::availableMemory));
      listener.message(memory.toString());
      try (Workspace space = new Workspace(kernels, model, memory, config.strategies().frozen())) {
        if (resumed == 0) {
          fillWeights(pretrained, space, task);
        }
        Trainer trainer =
            new Trainer(config, space, data.train(), data.dev(), plan, checkpoints, stop);
        if (resumed > 0) {
          trainer.resume(resumed);
          listener.message("resuming after update " + resumed + " of " + plan.totalSteps());
        }
        return train(trainer, data, plan, space, pretrained, folder, record);
      }
    }
  }

  /** The step of the newest sound checkpoint of this same run; 0 if there is none. */
  private int newestCheckpoint(RunFolder folder, Checkpoints checkpoints, RunRecord record) {
    checkpoints.clean();
    boolean ended = Files.exists(folder.path().resolve(Reports.RESULTS));
    List<Integer> steps = checkpoints.steps();
    if (ended || folder.hasModel() || !steps.isEmpty()) {
      record.requireSameRun();
    }
    if (ended && steps.isEmpty()) {
      listener.warning("this run has ended, but its checkpoints are gone: it starts over");
    }
    for (int step : steps) {
      String damage = damage(checkpoints, step);
      if (damage == null) {
        return step;
      }
      listener.warning(checkpoints.path(step) + damage + " and is left out");
      checkpoints.discard(step);
    }
    return 0;
  }

  /**
   * Why a run cannot go on from a checkpoint; null if it can. It needs the one of its best model
   * too; where it is about to evaluate once more, that may have found a better one already, and
   * will again.
   */
  private static String damage(Checkpoints checkpoints, int step) {
    if (!checkpoints.verify(step)) {
      return " is damaged";
    }
    TrainState state = TrainingCheckpoint.state(checkpoints.path(step));
    boolean needsBest = state.bestStep > 0 && state.bestStep != step && !state.evaluationDue;
    return needsBest && !checkpoints.verify(state.bestStep)
        ? " has lost its best model, that of update " + state.bestStep + ","
        : null;
  }

  private void fillWeights(Pretrained pretrained, Workspace space, Task task) {
    Collection<String> fresh = pretrained.loadInto(space, task, config, listener);
    if (!fresh.isEmpty()) {
      listener.message("drawn afresh from the seed: " + String.join(", ", fresh));
    }
  }

  private Outcome train(
      Trainer trainer,
      RunData data,
      TrainPlan plan,
      Workspace space,
      Pretrained pretrained,
      RunFolder folder,
      RunRecord record) {
    Map<String, Double> majority = trainer.validation().majority();
    record.started(trainer.validation().metric(), majority);
    try (RunLog log = new RunLog(folder, config.criterion(), trainer.state(), listener)) {
      Outcome.Status status = trainer.run(log);
      TrainState state = trainer.state();
      if (status != Outcome.Status.STOPPED) {
        Reports.writeState(
            folder, config, state, plan, trainer.validation().metric(), log.metrics().read());
        trainer.restoreBest();
        writeModel(space, pretrained, folder);
        Reports.write(folder, data, state, plan, state.cost(space.plan.extra()), majority);
        ModelCard.write(folder, config, pretrained.folder.rawConfig(), data, state, majority);
        status = predicts(data, space, folder) ? status : Outcome.Status.STOPPED;
      }
      record.ended(status.name().toLowerCase(Locale.ROOT), state.step);
      return outcome(status, state, majority, space);
    } catch (RuntimeException | Error e) {
      record.failed(e, trainer.state().step);
      throw e;
    }
  }

  /** The best model with its tokenizer. */
  private void writeModel(Workspace space, Pretrained pretrained, RunFolder folder) {
    space.model.foldNorm(space.kernels);
    ModelFolder.save(
        folder.path(),
        space.model.config(),
        space.kernels,
        space.model.weights(),
        pretrained.tokenizer,
        Math.min(config.maxSeqLength(), space.model.config().maxTokens()),
        pretrained.folder.rawConfig());
  }

  /** Writes what the best model predicts for the test rows; false if a stop was requested. */
  private boolean predicts(RunData data, Workspace space, RunFolder folder) {
    if (data.test() == null) {
      return true;
    }
    Evaluator evaluator = new Evaluator(space.model, space.kernels, space.activations, stop);
    Batches batches = Validation.batches(data.test(), config.perDeviceEvalBatchSize());
    try {
      float[] logits = evaluator.logits(data.test(), batches.evaluation());
      Reports.writePredictions(folder, data.test(), logits);
      return true;
    } catch (StopSignal.Requested e) {
      return false;
    }
  }

  private Outcome outcome(
      Outcome.Status status, TrainState state, Map<String, Double> majority, Workspace space) {
    return new Outcome(
        status,
        state.step,
        state.bestStep,
        majority,
        state.before,
        state.best,
        state.step == 0 ? Double.NaN : state.total.meanLoss(),
        Duration.ofMillis(Math.round(state.trainSeconds * 1000)),
        state.cost(space.plan.extra()),
        config.outputDir());
  }
}
