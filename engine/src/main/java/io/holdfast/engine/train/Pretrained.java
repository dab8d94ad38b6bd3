package io.holdfast.engine.train;

import io.holdfast.engine.data.Task;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.model.Initializer;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.io.Assets;
import io.holdfast.model.io.LoadReport;
import io.holdfast.model.io.ModelFolder;
import io.holdfast.model.text.Tokenizer;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The model a run starts from: its files, its tokenizer, and how its head fits a task. */
final class Pretrained implements AutoCloseable {

  /** Keys of what is drawn afresh: steps have keys from 0 on, the data order −1. */
  private static final long FRESH = -2;

  /** Output weights of BERT's head and of RoBERTa's. */
  private static final Set<String> HEADS =
      Set.of("classifier.weight", "classifier.out_proj.weight");

  final ModelFolder folder;
  final Tokenizer tokenizer;

  private Pretrained(ModelFolder folder, Tokenizer tokenizer) {
    this.folder = folder;
    this.tokenizer = tokenizer;
  }

  static Pretrained open(String model) {
    ModelFolder folder = ModelFolder.open(Assets.model(model));
    try {
      return new Pretrained(folder, folder.tokenizer());
    } catch (RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  /**
   * Fills what the files have and warns of encoder layers that config.json leaves out. Returns the
   * names of what they lack, of pooler and head.
   */
  Set<String> load(Parameters weights, Kernels kernels, ProgressListener listener) {
    LoadReport report = folder.loadInto(weights, kernels);
    List<String> beyond =
        report.ignored().stream().filter(name -> name.contains("encoder.layer.")).toList();
    if (!beyond.isEmpty()) {
      listener.warning(
          "config.json asks for %d layers; the weights have more, which are not used: %d tensors, %s first"
              .formatted(folder.config().layers(), beyond.size(), beyond.get(0)));
    }
    return report.absent();
  }

  /** True if the files have a head that answers this task, under whatever order of labels. */
  boolean hasHeadFor(Task task) {
    ModelConfig c = folder.config();
    return hasHead()
        && c.regression() == task.regression()
        && (task.regression() || task.matches(c.labels()));
  }

  boolean hasHead() {
    return !Collections.disjoint(folder.tensors().shapes().keySet(), HEADS);
  }

  /** The model's configuration with the task's head and the run's dropout. */
  ModelConfig configFor(Task task, TrainConfig run) {
    ModelConfig c = folder.config();
    boolean fairseq = run.headInit() == ModelConfig.HeadInit.FAIRSEQ;
    float hiddenDropout = or(run.hiddenDropoutProb(), c.hiddenDropout());
    // Where the file does not say, the head's dropout follows that of the encoder.
    boolean ownDropout = folder.rawConfig().hasNonNull("classifier_dropout");
    float headDropout = ownDropout ? c.classifierDropout() : hiddenDropout;
    return new ModelConfig(
        c.architecture(),
        c.vocabSize(),
        c.hiddenSize(),
        c.layers(),
        c.heads(),
        c.intermediateSize(),
        c.maxPositions(),
        c.typeVocabSize(),
        c.layerNormEps(),
        hiddenDropout,
        or(run.attentionProbsDropoutProb(), c.attentionDropout()),
        or(run.classifierDropout(), fairseq ? 0f : headDropout),
        c.initializerRange(),
        c.padTokenId(),
        run.headInit(),
        task.regression(),
        task.labels());
  }

  private static float or(Double given, float own) {
    return given == null ? own : given.floatValue();
  }

  /**
   * Fills the weights: what the files have from them, the rest fresh from the seed. A head for
   * other labels counts as absent; so does what the strategies draw afresh.
   *
   * @return names of the fresh parameters, whole encoder layers as one
   */
  Collection<String> loadInto(
      Workspace space, Task task, TrainConfig run, ProgressListener listener) {
    ModelConfig config = space.model.config();
    Parameters weights = space.model.weights();
    boolean keepsOutput = hasHeadFor(task);
    Set<String> absent = load(weights, space.kernels, listener);
    Key key = Key.of(run.seed()).at(FRESH);
    Set<String> fresh = new LinkedHashSet<>();
    for (ParameterLayout.Entry entry : weights.layout().entries()) {
      boolean otherLabels = !keepsOutput && entry.name().startsWith("classifier.");
      if (absent.contains(entry.name())
          || otherLabels
          || run.strategies().redraws(entry, config.layers())) {
        Initializer.tensor(space.kernels, config, weights, entry, key);
        fresh.add(entry.name().replaceFirst("(\\.layer\\.\\d+)\\..*", "$1"));
      }
    }
    return fresh;
  }

  @Override
  public void close() {
    tokenizer.close();
    folder.close();
  }
}
