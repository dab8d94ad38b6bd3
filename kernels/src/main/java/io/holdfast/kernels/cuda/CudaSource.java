package io.holdfast.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** CUDA sources as one text, and what its kernels take. */
final class CudaSource {

  private static final List<String> FILES =
      List.of(
          "prelude.cu",
          "philox.cu",
          "dropout.cu",
          "noise.cu",
          "activations.cu",
          "layer_norm.cu",
          "columns.cu",
          "gather.cu",
          "ascent.cu",
          "attention.cu",
          "losses.cu",
          "update.cu",
          "spectral_norm.cu");

  private static final Pattern KERNEL =
      Pattern.compile("^(?:WIDE_)?KERNEL (\\w+)\\(([^)]*)\\)", Pattern.MULTILINE);

  private final String text;
  private final Map<String, String> signatures = new LinkedHashMap<>();

  CudaSource(String text) {
    this.text = text;
    Matcher kernels = KERNEL.matcher(text);
    while (kernels.find()) {
      signatures.put(kernels.group(1), signature(kernels.group(2)));
    }
  }

  /** The files of src/main/cuda; messages of the compiler name file and line. */
  static CudaSource ours() {
    StringBuilder all = new StringBuilder();
    for (String file : FILES) {
      all.append("#line 1 \"").append(file).append("\"\n").append(read(file));
    }
    return new CudaSource(all.toString());
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
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
