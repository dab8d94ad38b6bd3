package io.holdfast.model.io;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds each parameter in a checkpoint, whichever way its name was written: with or without the
 * model's prefix, LayerNorm's old {@code gamma} and {@code beta}.
 */
final class WeightLoader {

  private static final String TOKEN_TYPES = "embeddings.token_type_embeddings.weight";

  private final Path folder;
  private final TensorSource source;
  private final Map<String, int[]> shapes;
  private final Parameters weights;
  private final Kernels kernels;
  private final boolean bert;
  private final int layers;

  private final Set<String> absent = new LinkedHashSet<>();
  private final Set<String> used = new HashSet<>();

  WeightLoader(
      Path folder, TensorSource source, Parameters weights, Kernels kernels, ModelConfig config) {
    this.folder = folder;
    this.source = source;
    this.shapes = source.shapes();
    this.weights = weights;
    this.kernels = kernels;
    this.bert = config.architecture() == ModelConfig.Architecture.BERT;
    this.layers = config.layers();
  }

  LoadReport load() {
    for (ParameterLayout.Entry entry : weights.layout().entries()) {
      load(entry);
    }
    List<String> ignored = new ArrayList<>(shapes.keySet());
    ignored.removeAll(used);
    return new LoadReport(absent, ignored);
  }

  private void load(ParameterLayout.Entry entry) {
    String found = find(entry.name());
    if (found == null) {
      if (entry.isHead(layers)) {
        absent.add(entry.name());
      } else if (!bert && entry.name().endsWith(TOKEN_TYPES)) {
        // fairseq's RoBERTa has no token types; Hugging Face gives it a row of zeros.
        kernels.zero(weights.get(entry));
      } else {
        throw bad("the weights have no " + entry.name());
      }
      return;
    }
    used.add(found);
    int[] wanted = shape(entry);
    int[] actual = shapes.get(found);
    if (isOutput(entry)
        && actual.length == wanted.length
        && actual[0] != wanted[0]
        && Arrays.equals(tail(actual), tail(wanted))) {
      absent.add(entry.name());
      return;
    }
    if (!Arrays.equals(actual, wanted)) {
      throw bad(
          String.format(
              "%s has shape %s where config.json asks for %s",
              found, Arrays.toString(actual), Arrays.toString(wanted)));
    }
    float[] values = source.read(found);
    checkFinite(found, values);
    kernels.upload(weights.get(entry), values, 0);
  }

  private String find(String name) {
    String bare = name.replaceFirst("^(bert|roberta)\\.", "");
    for (String candidate : List.of(name, bare)) {
      for (String spelled : List.of(candidate, oldSpelling(candidate))) {
        if (shapes.containsKey(spelled)) {
          return spelled;
        }
      }
    }
    return null;
  }

  private static String oldSpelling(String name) {
    return name.replaceFirst("LayerNorm\\.weight$", "LayerNorm.gamma")
        .replaceFirst("LayerNorm\\.bias$", "LayerNorm.beta");
  }

  private boolean isOutput(ParameterLayout.Entry entry) {
    return entry.name().startsWith(bert ? "classifier." : "classifier.out_proj.");
  }

  private static int[] tail(int[] shape) {
    return Arrays.copyOfRange(shape, Math.min(1, shape.length), shape.length);
  }

  private void checkFinite(String name, float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw bad(name + " holds a value that is not finite: the file is damaged");
      }
    }
  }

  /** As files store it. */
  static int[] shape(ParameterLayout.Entry entry) {
    return entry.vector() ? new int[] {entry.cols()} : new int[] {entry.rows(), entry.cols()};
  }

  private HoldfastException bad(String defect) {
    return new HoldfastException(HoldfastException.Kind.MODEL_FILE, folder + ": " + defect);
  }
}
