package io.holdfast.engine.train;

import io.holdfast.engine.data.Batches;
import io.holdfast.engine.data.Columns;
import io.holdfast.engine.data.Dataset;
import io.holdfast.engine.data.DatasetReader;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.data.Tasks;
import io.holdfast.engine.data.TokenizedDataset;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.SequenceClassifier;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A saved model, opened to predict and to evaluate. Not safe for use by several threads at once.
 */
public final class Predictor implements AutoCloseable {

  /**
   * @param maxSeqLength longest input in tokens, longer ones are cut; 0: that of training
   * @param batchSize sequences per batch
   * @param threads 0: one per core
   */
  public record Settings(
      String backend, int threads, Precision precision, int maxSeqLength, int batchSize) {

    public static Settings defaults() {
      return new Settings("cpu", 0, Precision.FP32, 0, 32);
    }
  }

  private final Settings settings;
  final ProgressListener listener;
  final Kernels kernels;
  final Pretrained files;
  final SequenceClassifier model;

  private final Arena parameters;

  private Predictor(
      Settings settings,
      ProgressListener listener,
      Kernels kernels,
      Pretrained files,
      Arena parameters) {
    this.settings = settings;
    this.listener = listener;
    this.kernels = kernels;
    this.files = files;
    this.parameters = parameters;
    ModelConfig config = files.folder.config();
    Parameters weights = Parameters.weights(ParameterLayout.of(config), parameters, kernels);
    Set<String> absent = files.load(weights, kernels, listener);
    if (!absent.isEmpty()) {
      throw new HoldfastException(
          HoldfastException.Kind.MODEL_FILE,
          "the model has no trained head ("
              + String.join(", ", new TreeSet<>(absent))
              + " absent): train it on a task first");
    }
    this.model = new SequenceClassifier(config, weights);
  }

  /**
   * @param model a folder in Hugging Face layout, with a trained head
   * @param listener told of rows that are cut or left out, and of a precision that is not there
   */
  public static Predictor open(String model, Settings settings, ProgressListener listener) {
    int threads = settings.threads() == 0 ? Machine.cores() : settings.threads();
    Deque<AutoCloseable> opened = new ArrayDeque<>();
    try {
      Pretrained files = Pretrained.open(model);
      opened.push(files);
      Kernels kernels = Backends.open(settings.backend(), threads, settings.precision());
      opened.push(kernels);
      if (!kernels.note().isEmpty()) {
        listener.warning(kernels.note());
      }
      ParameterLayout layout = ParameterLayout.of(files.folder.config());
      Arena parameters = new Arena(kernels, Parameters.weightBytes(layout, kernels));
      opened.push(parameters);
      return new Predictor(settings, listener, kernels, files, parameters);
    } catch (RuntimeException e) {
      closeAll(opened);
      throw e;
    }
  }

  public ModelConfig config() {
    return model.config();
  }

  /**
   * Texts as rows to predict.
   *
   * @param seconds null for single texts
   */
  public Dataset rows(List<String> firsts, List<String> seconds) {
    return Dataset.ofTexts(task(seconds != null), firsts, seconds);
  }

  /** An answer for every row; labels that the rows have are not looked at. */
  public List<Prediction> predict(Dataset rows) {
    return rows.size() == 0 ? List.of() : Predictions.of(task(false), run(rows, false).logits());
  }

  private Task task(boolean pairs) {
    Columns columns = Columns.named("text", pairs ? "text_pair" : null, "label");
    return config().regression()
        ? Tasks.regression("predict", columns)
        : Tasks.classification("predict", columns, config().labels());
  }

  /** The task's metrics and "loss" over the rows of a file, labels mapped by name. */
  public Map<String, Double> evaluate(Task task, Path file) {
    return run(DatasetReader.read(ordered(task, file), file, true, 0), true).metrics();
  }

  /** The task with its classes in this model's order. */
  private Task ordered(Task task, Path file) {
    if (task.regression() != config().regression()) {
      throw data(
          "task "
              + task.name()
              + (task.regression() ? " predicts values" : " predicts classes")
              + ", the model "
              + (config().regression() ? "values" : "classes"));
    }
    List<String> labels = config().labels();
    if (!task.regression() && Task.areUnnamed(labels) && task.labels().equals(labels)) {
      // Neither model nor task names the classes: the file does, as it would in training.
      task = Tasks.custom(task.name(), task.columns(), Task.Kind.CLASSIFICATION, file);
    }
    return task.withLabelOrder(labels);
  }

  private Evaluator.Evaluation run(Dataset data, boolean labelled) {
    boolean given = settings.maxSeqLength() > 0;
    int longest = given ? settings.maxSeqLength() : files.tokenizer.modelMaxLength();
    int maxTokens = Math.min(longest, config().maxTokens());
    TokenizedDataset tokens = RunData.tokenize(data, files.tokenizer, maxTokens, listener);
    Batches batches = Validation.batches(tokens, settings.batchSize());
    RunMemory memory = RunMemory.forInference(kernels, config(), batches.bounds());
    long free = kernels.freeMemory().orElseGet(Machine::availableMemory);
    memory.check(free + parameters.capacity());
    try (Arena activations = new Arena(kernels, memory.activations())) {
      Evaluator evaluator = new Evaluator(model, kernels, activations, new StopSignal());
      return labelled
          ? evaluator.evaluate(tokens, batches.evaluation())
          : new Evaluator.Evaluation(Map.of(), evaluator.logits(tokens, batches.evaluation()));
    }
  }

  private static HoldfastException data(String message) {
    return new HoldfastException(HoldfastException.Kind.DATA, message);
  }

  @Override
  public void close() {
    parameters.close();
    kernels.close();
    files.close();
  }

  private static void closeAll(Deque<AutoCloseable> opened) {
    for (AutoCloseable resource : opened) {
      try {
        resource.close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
