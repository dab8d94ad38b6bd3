package io.holdfast.engine.train;

import io.holdfast.engine.data.Task;
import io.holdfast.kernels.Precision;
import io.holdfast.model.ModelConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A saved model, opened to predict and to evaluate. Not safe for use by several threads at once.
 */
public final class Predictor implements AutoCloseable {

  /**
   * @param maxSeqLength longest input in tokens; longer ones are cut
   * @param batchSize sequences per batch
   * @param threads 0: one per core
   */
  public record Settings(
      String backend, int threads, Precision precision, int maxSeqLength, int batchSize) {

    public static Settings defaults() {
      return new Settings("cpu", 0, Precision.FP32, 512, 32);
    }
  }

  private Predictor() {}

  /**
   * @param model a folder in Hugging Face layout, with a trained head
   */
  public static Predictor open(String model, Settings settings) {
    throw new UnsupportedOperationException();
  }

  public ModelConfig config() {
    throw new UnsupportedOperationException();
  }

  /**
   * @param seconds null for single texts
   */
  public List<Prediction> predict(List<String> firsts, List<String> seconds) {
    throw new UnsupportedOperationException();
  }

  /** The task's metrics and "loss" over the rows of a file, labels mapped by name. */
  public Map<String, Double> evaluate(Task task, Path file) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
