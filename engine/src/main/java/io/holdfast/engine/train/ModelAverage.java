package io.holdfast.engine.train;

import io.holdfast.engine.data.Task;
import io.holdfast.engine.metrics.Metrics;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.Parameters;
import io.holdfast.model.io.ModelFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Averages of trained models, weight by weight.
 *
 * <pre>
 * interpolation   (1 − alpha)·base + alpha·model
 * uniform soup    mean of the models
 * greedy soup     best model first, each next one joins the mean if that does not get worse
 * </pre>
 *
 * <p>Interpolation is WiSE-FT (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR
 * 2022). There the base has a zero-shot head; a base without the head of the task has the model's.
 * Soups follow Wortsman et al., "Model soups" (ICML 2022). What was tried is kept with its metrics
 * in {@link #candidates}; the last mixture chosen is what {@link #save} writes.
 */
public final class ModelAverage implements AutoCloseable {

  /** Labelled rows that mixtures are compared on. */
  public record Data(Task task, Path file) {}

  private final List<String> models;
  private final Predictor predictor;
  private final Arena arena;
  private final Parameters mixture;
  private final Parameters kept;
  private final Parameters other;
  private final Map<String, Map<String, Double>> candidates = new LinkedHashMap<>();
  private String chosen;

  private ModelAverage(List<String> models, Predictor predictor) {
    this.models = models;
    this.predictor = predictor;
    this.mixture = predictor.model.weights();
    long bytes = mixture.block().bytes() + Arena.ALIGNMENT;
    this.arena = new Arena(predictor.kernels, 2 * bytes);
    this.kept = new Parameters(mixture.layout(), arena, predictor.kernels.real());
    this.other = new Parameters(mixture.layout(), arena, predictor.kernels.real());
  }

  /**
   * @param models folders of trained models, or checkpoints of finished runs; at least one
   */
  public static ModelAverage open(
      List<String> models, Predictor.Settings settings, ProgressListener listener) {
    Predictor predictor = Predictor.open(models.get(0), settings, listener);
    try {
      return new ModelAverage(List.copyOf(models), predictor);
    } catch (RuntimeException e) {
      predictor.close();
      throw e;
    }
  }

  public ModelConfig config() {
    return predictor.config();
  }

  /** What was tried, and its metrics (none without data). */
  public Map<String, Map<String, Double>> candidates() {
    return candidates;
  }

  /** Which of them it is now. */
  public String chosen() {
    return chosen;
  }

  /**
   * Interpolates the one model with a base and chooses the best.
   *
   * @param data may be null for a single alpha
   */
  public void interpolate(String base, List<Double> alphas, Data data) {
    copy(kept, mixture);
    loadBase(base, other);
    double best = Double.NaN;
    double bestScore = Double.NaN;
    for (double alpha : alphas) {
      mix(alpha);
      double score = evaluate("alpha " + alpha, data);
      if (Double.isNaN(best) || quality(data).compare(score, bestScore) > 0) {
        best = alpha;
        bestScore = score;
      }
    }
    mix(best);
    chosen = "alpha " + best;
  }

  private void mix(double alpha) {
    copy(mixture, kept);
    axpby(mixture, 1 - alpha, other, alpha);
  }

  /** The mean of all models. */
  public void uniform(Data data) {
    for (int i = 1; i < models.size(); i++) {
      load(models.get(i), other);
      axpby(mixture, 1.0 / (i + 1), other, i / (i + 1.0));
    }
    chosen = "mean of " + models.size();
    evaluate(chosen, data);
  }

  /** The greedy soup; ties of single models in the order they were given. */
  public void greedy(Data data) {
    Map<String, Double> scores = new LinkedHashMap<>();
    for (String model : models) {
      load(model, mixture);
      scores.put(model, evaluate(model, data));
    }
    Comparator<Double> quality = quality(data);
    List<String> order = new ArrayList<>(scores.keySet());
    order.sort(Comparator.comparing(scores::get, quality.reversed()));
    load(order.get(0), kept);
    List<String> soup = new ArrayList<>(order.subList(0, 1));
    double best = scores.get(order.get(0));
    for (String model : order.subList(1, order.size())) {
      load(model, mixture);
      double share = 1.0 / (soup.size() + 1);
      axpby(mixture, 1 - share, kept, share);
      double score = evaluate(String.join(" + ", soup) + " + " + model, data);
      if (quality.compare(score, best) >= 0) {
        soup.add(model);
        best = score;
        copy(kept, mixture);
      }
    }
    copy(mixture, kept);
    chosen = String.join(" + ", soup);
  }

  /** NaN without data. */
  private double evaluate(String name, Data data) {
    Map<String, Double> metrics =
        data == null ? Map.of() : predictor.evaluate(data.task(), data.file());
    candidates.put(name, metrics);
    return data == null ? Double.NaN : metrics.get(data.task().bestMetric());
  }

  private static Comparator<Double> quality(Data data) {
    return Metrics.byQuality(data.task().bestMetric());
  }

  /** Reads a model like the first one. */
  private void load(String model, Parameters into) {
    try (Pretrained files = open(model)) {
      ModelConfig own = files.folder.config();
      if (!answersTheSame(own)) {
        throw unlike(
            model, "its labels are " + own.labels() + ", the other's " + config().labels());
      }
      Set<String> absent = files.load(into, predictor.kernels, predictor.listener);
      if (!absent.isEmpty()) {
        throw unlike(model, "it has no " + String.join(", ", absent));
      }
    }
  }

  /** Reads a base; a head that it has not, or for other labels, is that of the model. */
  private void loadBase(String base, Parameters into) {
    try (Pretrained files = open(base)) {
      copy(into, mixture);
      files.load(into, predictor.kernels, predictor.listener);
      if (!answersTheSame(files.folder.config())) {
        into.layout().entries().stream()
            .filter(entry -> entry.name().startsWith("classifier."))
            .forEach(entry -> predictor.kernels.copy(into.get(entry), mixture.get(entry)));
      }
    }
  }

  private boolean answersTheSame(ModelConfig other) {
    return other.regression() == config().regression() && other.labels().equals(config().labels());
  }

  /** Opens a model of the first one's shape with its tokenizer. */
  private Pretrained open(String model) {
    Pretrained files = Pretrained.open(model);
    String own = shape(files.folder.config());
    String first = shape(config());
    if (own.equals(first) && files.tokenizer.json().equals(predictor.files.tokenizer.json())) {
      return files;
    }
    files.close();
    throw unlike(
        model,
        own.equals(first)
            ? "its tokenizer is another one"
            : "it is " + own + ", the other " + first);
  }

  private HoldfastException unlike(String model, String difference) {
    return new HoldfastException(
        HoldfastException.Kind.MODEL_FILE,
        model + " cannot be averaged with " + models.get(0) + ": " + difference);
  }

  private static String shape(ModelConfig c) {
    return "%s of %d layers, hidden %d, heads %d, feed-forward %d, vocabulary %d, positions %d"
        .formatted(
            c.architecture(),
            c.layers(),
            c.hiddenSize(),
            c.heads(),
            c.intermediateSize(),
            c.vocabSize(),
            c.maxPositions());
  }

  private void copy(Parameters to, Parameters from) {
    predictor.kernels.copy(to.block(), from.block());
  }

  private void axpby(Parameters y, double a, Parameters x, double b) {
    predictor.kernels.axpby(y.block(), (float) a, x.block(), (float) b);
  }

  /** Throws (kind USAGE) for a folder that is not new or empty. */
  public static void requireFree(Path output) {
    claim(output).close();
  }

  private static RunFolder claim(Path output) {
    RunFolder folder = RunFolder.claim(output);
    if (folder.previousRun() != null) {
      folder.close();
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "--output-dir " + output + " holds a run: name a new or empty folder");
    }
    return folder;
  }

  /** Writes the mixture as a model folder, with a card; the folder must be new or empty. */
  public void save(Path output, String base) {
    try (RunFolder folder = claim(output)) {
      Pretrained first = predictor.files;
      ModelFolder.save(
          output,
          config(),
          predictor.kernels,
          mixture,
          first.tokenizer,
          first.tokenizer.modelMaxLength(),
          first.folder.rawConfig());
      folder.write("README.md", ModelCard.ofAverage(output, models, base, chosen, candidates));
    }
  }

  @Override
  public void close() {
    arena.close();
    predictor.close();
  }
}
