package io.holdfast.model.io;

import io.holdfast.kernels.HoldfastException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * What the build fetched. The folder is that of the system property {@code holdfast.assets}, or
 * {@code target/assets} of the working folder.
 */
public final class Assets {

  /**
   * Names the model of the demonstration, all-MiniLM-L6-v2, wherever a model folder is asked for.
   */
  public static final String MINILM = "minilm";

  private Assets() {}

  public static Path folder() {
    return Path.of(System.getProperty("holdfast.assets", "target/assets"));
  }

  /** The folder that {@code model} means: a name this class knows, or a path. */
  public static Path model(String model) {
    if (!model.equals(MINILM)) {
      try {
        return Path.of(model);
      } catch (InvalidPathException e) {
        throw new HoldfastException(
            HoldfastException.Kind.USAGE, "--model '" + model + "' is not a path", e);
      }
    }
    Path minilm = folder().resolve(MINILM);
    if (!Files.exists(minilm.resolve("model.onnx"))) {
      throw new HoldfastException(
          HoldfastException.Kind.MODEL_FILE,
          minilm
              + ": the model '"
              + MINILM
              + "' is not there; run ./mvnw -q generate-test-resources, which fetches it, or name a"
              + " folder with config.json and model.safetensors");
    }
    return minilm;
  }
}
