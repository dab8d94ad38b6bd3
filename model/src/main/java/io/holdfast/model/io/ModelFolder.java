package io.holdfast.model.io;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.files.AtomicFile;
import io.holdfast.model.files.StrictJson;
import io.holdfast.model.text.Tokenizer;
import io.holdfast.model.text.Tokenizers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A model in a folder, in Hugging Face's layout: config.json, the weights (model.safetensors, its
 * sharded form, or model.onnx, which alone may come without config.json) and a tokenizer's files.
 *
 * <pre>{@code
 * try (ModelFolder folder = ModelFolder.open(path)) {
 *   LoadReport report = folder.loadInto(weights, kernels);
 *   // initialise report.absent(), if any
 * }
 * }</pre>
 */
public final class ModelFolder implements AutoCloseable {

  private static final String WEIGHTS = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String ONNX = "model.onnx";

  private final Path folder;
  private final Path described;
  private final TensorSource tensors;
  private final ConfigJson config;

  /**
   * @param described where configuration and tokenizer are
   */
  private ModelFolder(Path folder, Path described, TensorSource tensors, ConfigJson config) {
    this.folder = folder;
    this.described = described;
    this.tensors = tensors;
    this.config = config;
  }

  /**
   * Reads configuration and the weights' directory; throws kind MODEL_FILE with what is wrong. A
   * checkpoint of a finished run, which has weights alone, is described by the run's folder.
   */
  public static ModelFolder open(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw bad(folder + ": no such model folder");
    }
    Path described = describing(folder);
    Path configFile = described.resolve(ConfigJson.FILE);
    ConfigJson config = Files.exists(configFile) ? ConfigJson.read(configFile) : null;
    if (config == null && !isOnnx(folder)) {
      throw bad(folder + ": not a model folder: it has no " + ConfigJson.FILE);
    }
    TensorSource tensors = openWeights(folder);
    try {
      if (config == null) {
        ModelConfig inferred = OnnxConfig.infer(folder.resolve(ONNX), (OnnxWeights) tensors);
        config = new ConfigJson(inferred, StrictJson.newObject());
      }
      return new ModelFolder(folder, described, tensors, config);
    } catch (RuntimeException e) {
      tensors.close();
      throw e;
    }
  }

  private static Path describing(Path folder) {
    Path name = folder.toAbsolutePath().normalize().getFileName(); // null: the root
    boolean checkpoint = name != null && name.toString().matches("checkpoint-\\d+");
    if (!checkpoint || Files.exists(folder.resolve(ConfigJson.FILE))) {
      return folder;
    }
    if (Files.exists(folder.resolve("spectral_norm.safetensors"))) {
      throw bad(
          folder
              + ": a checkpoint of r4f has the head's matrices before their normalisation; name the"
              + " run's folder, whose model is normalised");
    }
    if (Files.exists(folder.resolve("average.safetensors"))) {
      throw bad(
          folder
              + ": a checkpoint of a run with --average has the weights of the last update beside"
              + " their average; name the run's folder, whose model is the average");
    }
    return folder.toAbsolutePath().normalize().getParent();
  }

  private static boolean isOnnx(Path folder) {
    return !Files.exists(folder.resolve(WEIGHTS))
        && !Files.exists(folder.resolve(INDEX))
        && Files.exists(folder.resolve(ONNX));
  }

  private static TensorSource openWeights(Path folder) {
    if (Files.exists(folder.resolve(WEIGHTS))) {
      return Safetensors.open(folder.resolve(WEIGHTS));
    }
    if (Files.exists(folder.resolve(INDEX))) {
      return ShardedSafetensors.open(folder.resolve(INDEX));
    }
    if (Files.exists(folder.resolve(ONNX))) {
      return OnnxWeights.open(folder.resolve(ONNX));
    }
    if (Files.exists(folder.resolve("pytorch_model.bin"))) {
      throw bad(
          folder
              + ": has only pytorch_model.bin, which is not supported yet (it is a pickle, and none"
              + " is ever run here); convert it to "
              + WEIGHTS
              + " with Hugging Face's save_pretrained");
    }
    throw bad(folder + ": has no weights: " + WEIGHTS + ", " + INDEX + " or " + ONNX);
  }

  /** As the checkpoint has it, with its labels. */
  public ModelConfig config() {
    return config.config();
  }

  /** config.json as it was read, for {@link #save}; empty where there was none. */
  public ObjectNode rawConfig() {
    return config.raw().deepCopy();
  }

  /** The checkpoint's tensors under the names its file gives them. */
  public TensorSource tensors() {
    return tensors;
  }

  /** Opens the folder's tokenizer; the caller closes it. */
  public Tokenizer tokenizer() {
    return Tokenizers.open(described, config());
  }

  /**
   * Copies the checkpoint's tensors into {@code weights}, whose layout may have other labels than
   * the checkpoint. An absent or misshapen encoder tensor is an error that names it; an absent head
   * is reported, for the caller to initialise.
   */
  public LoadReport loadInto(Parameters weights, Kernels kernels) {
    return new WeightLoader(folder, tensors, weights, kernels, config()).load();
  }

  /**
   * Writes a folder that {@link #open} and Hugging Face load: configuration, weights, tokenizer.
   * Each file appears as a whole or not at all.
   *
   * @param maxTokens the longest input, in tokens, that the model was trained on
   * @param rawConfig the base model's {@link #rawConfig}, whose other keys are kept; or null
   */
  public static void save(
      Path folder,
      ModelConfig config,
      Kernels kernels,
      Parameters weights,
      Tokenizer tokenizer,
      int maxTokens,
      ObjectNode rawConfig) {
    tokenizer.save(folder, maxTokens);
    saveWeights(folder.resolve(WEIGHTS), kernels, weights);
    ObjectNode json =
        ConfigJson.write(config, rawConfig == null ? StrictJson.newObject() : rawConfig);
    AtomicFile.write(folder.resolve(ConfigJson.FILE), StrictJson.print(json));
  }

  /** The weights alone, as safetensors under their Hugging Face names. */
  public static void saveWeights(Path file, Kernels kernels, Parameters weights) {
    Map<String, int[]> shapes = new LinkedHashMap<>();
    for (ParameterLayout.Entry e : weights.layout().entries()) {
      shapes.put(e.name(), WeightLoader.shape(e));
    }
    Safetensors.write(
        file,
        shapes,
        name -> {
          Tensor tensor = weights.get(name);
          float[] values = new float[Math.toIntExact(tensor.elements())];
          kernels.download(values, 0, tensor);
          return values;
        });
  }

  @Override
  public void close() {
    tensors.close();
  }

  private static HoldfastException bad(String message) {
    return new HoldfastException(HoldfastException.Kind.MODEL_FILE, message);
  }
}
