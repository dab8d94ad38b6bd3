package io.holdfast.engine.train;

import io.holdfast.engine.optim.AdamW;
import io.holdfast.engine.run.Checkpoints;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.files.AtomicFile;
import io.holdfast.model.io.Safetensors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a checkpoint holds: the weights (model.safetensors, Hugging Face names), Adam's moments
 * (optimizer.safetensors, exp_avg.… and exp_avg_sq.…), a file for each further block that the run
 * keeps, and the {@link TrainState} (state.json).
 */
final class TrainingCheckpoint {

  static final String MODEL = "model";

  private static final String OPTIMIZER = "optimizer";
  private static final String TENSORS = ".safetensors";
  private static final String STATE = "state.json";
  private static final String FIRST = "exp_avg.";
  private static final String SECOND = "exp_avg_sq.";

  private final Kernels kernels;
  private final AdamW adam;

  /** Blocks by prefix of their tensors' names, by file. */
  private final Map<String, Map<String, Parameters>> files = new LinkedHashMap<>();

  /**
   * @param more further blocks by name
   */
  TrainingCheckpoint(
      Kernels kernels, Parameters weights, AdamW adam, Map<String, Parameters> more) {
    this.kernels = kernels;
    this.adam = adam;
    files.put(MODEL, Map.of("", weights));
    files.put(OPTIMIZER, Map.of(FIRST, adam.firstMoment(), SECOND, adam.secondMoment()));
    more.forEach(
        (name, block) -> {
          if (files.put(name, Map.of("", block)) != null) {
            throw new IllegalArgumentException("two blocks of a checkpoint are called " + name);
          }
        });
  }

  Path save(Checkpoints checkpoints, TrainState state) {
    byte[] json = Json.pretty(Json.tree(state)).getBytes(StandardCharsets.UTF_8);
    Map<String, AtomicFile.Content> contents = new LinkedHashMap<>();
    files.forEach(
        (name, blocks) ->
            contents.put(
                name + TENSORS,
                out -> Safetensors.write(out, shapes(blocks), tensor -> read(blocks, tensor))));
    contents.put(STATE, out -> out.write(json));
    return checkpoints.save(state.step, state.bestStep, contents);
  }

  /** Fills every block and returns the state. */
  TrainState load(Path checkpoint) {
    files.keySet().forEach(name -> fill(checkpoint, name));
    TrainState state = state(checkpoint);
    adam.resumeAfter(state.step);
    return state;
  }

  /** Fills the further blocks alone. */
  void loadMore(Path checkpoint) {
    files.keySet().stream()
        .filter(name -> !name.equals(MODEL) && !name.equals(OPTIMIZER))
        .forEach(name -> fill(checkpoint, name));
  }

  /** Fills the weights from the block of that name. */
  void loadWeights(Path checkpoint, String name) {
    try (Safetensors file = Safetensors.open(checkpoint.resolve(name + TENSORS))) {
      fill(file, "", files.get(MODEL).get(""));
    }
  }

  static TrainState state(Path checkpoint) {
    Path file = checkpoint.resolve(STATE);
    try {
      return Json.as(TrainState.class, Json.parse(Files.readAllBytes(file)));
    } catch (IOException | IllegalArgumentException e) {
      throw bad(file + ": " + e.getMessage());
    }
  }

  private void fill(Path checkpoint, String name) {
    try (Safetensors file = Safetensors.open(checkpoint.resolve(name + TENSORS))) {
      files.get(name).forEach((prefix, block) -> fill(file, prefix, block));
    }
  }

  private void fill(Safetensors file, String prefix, Parameters block) {
    for (ParameterLayout.Entry entry : block.layout().entries()) {
      float[] values = file.read(prefix + entry.name());
      if (values.length != entry.elements()) {
        throw bad(prefix + entry.name() + " has " + values.length + " elements");
      }
      kernels.upload(block.get(entry), values, 0);
    }
  }

  private static Map<String, int[]> shapes(Map<String, Parameters> blocks) {
    Map<String, int[]> shapes = new LinkedHashMap<>();
    blocks.forEach(
        (prefix, block) -> {
          for (ParameterLayout.Entry e : block.layout().entries()) {
            int[] shape = e.vector() ? new int[] {e.cols()} : new int[] {e.rows(), e.cols()};
            shapes.put(prefix + e.name(), shape);
          }
        });
    return shapes;
  }

  private float[] read(Map<String, Parameters> blocks, String name) {
    String prefix = blocks.keySet().stream().filter(name::startsWith).findFirst().orElseThrow();
    Tensor tensor = blocks.get(prefix).get(name.substring(prefix.length()));
    float[] values = new float[Math.toIntExact(tensor.elements())];
    kernels.download(values, 0, tensor);
    return values;
  }

  private static HoldfastException bad(String message) {
    return new HoldfastException(
        HoldfastException.Kind.MODEL_FILE,
        message + "; the checkpoint is damaged: delete its folder to go on from an earlier one");
  }
}
