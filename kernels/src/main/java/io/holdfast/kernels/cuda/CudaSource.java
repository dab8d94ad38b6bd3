package io.holdfast.kernels.cuda;

import io.holdfast.kernels.DType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** CUDA sources as one text, and what its kernels take. */
final class CudaSource {

  private static final List<String> REAL =
      List.of(
          "prelude.cu",
          "philox.cu",
          "embedding.cu",
          "tanh.cu",
          "ascent.cu",
          "losses.cu",
          "update.cu",
          "spectral_norm.cu");

  /** Once for each type that hidden states have. */
  private static final List<String> HIDDEN =
      List.of(
          "convert.cu",
          "dropout.cu",
          "noise.cu",
          "gelu.cu",
          "layer_norm.cu",
          "columns.cu",
          "gather.cu",
          "attention.cu");

  private static final Map<DType, String> TYPES =
      Map.of(DType.F32, "float", DType.BF16, "Bf16", DType.F16, "F16");

  private static final Pattern KERNEL =
      Pattern.compile("^((?:WIDE_)?KERNEL )(\\w+)\\(([^)]*)\\)", Pattern.MULTILINE);

  private final String text;
  private final Map<String, String> signatures = new LinkedHashMap<>();

  CudaSource(String text) {
    this.text = text;
    Matcher kernels = KERNEL.matcher(text);
    while (kernels.find()) {
      signatures.put(kernels.group(2), signature(kernels.group(3)));
    }
  }

  /**
   * The files of src/main/cuda, for hidden states of fp32 and of the types that are named; messages
   * of the compiler name file and line.
   */
  static CudaSource ours(DType... others) {
    StringBuilder all = new StringBuilder();
    REAL.forEach(file -> all.append(read(file)));
    appendHidden(all, DType.F32);
    for (DType other : others) {
      if (other != DType.F32) {
        appendHidden(all, other);
      }
    }
    return new CudaSource(all.toString());
  }

  private static void appendHidden(StringBuilder all, DType hidden) {
    String type = TYPES.get(hidden);
    all.append("namespace hidden_").append(type).append(" {\ntypedef ").append(type);
    all.append(" Hidden;\n");
    for (String file : HIDDEN) {
      all.append(KERNEL.matcher(read(file)).replaceAll("$1$2" + suffix(hidden) + "($3)"));
    }
    all.append("}\nusing namespace hidden_").append(type).append(";\n");
  }

  /** What is added to the names of kernels for hidden states of that type. */
  static String suffix(DType hidden) {
    return hidden == DType.F32 ? "" : "_" + hidden.name().toLowerCase(Locale.ROOT);
  }

  String text() {
    return text;
  }

  /** Of each kernel, by name: a letter for each parameter as in {@link Device#launch}. */
  Map<String, String> signatures() {
    return signatures;
  }

  private static String signature(String parameters) {
    StringBuilder letters = new StringBuilder();
    for (String parameter : parameters.isBlank() ? new String[0] : parameters.split(",")) {
      String type = parameter.strip().replaceFirst("\\w+$", "").strip();
      letters.append(type.endsWith("*") || type.equals("Long") ? 'L' : letter(type));
    }
    return letters.toString();
  }

  private static char letter(String type) {
    return switch (type) {
      case "int", "Word" -> 'I';
      case "float" -> 'F';
      default -> throw new IllegalArgumentException("a kernel takes a " + type);
    };
  }

  private static String read(String file) {
    try (InputStream in = CudaSource.class.getResourceAsStream(file)) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return "#line 1 \"" + file + "\"\n" + text;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
