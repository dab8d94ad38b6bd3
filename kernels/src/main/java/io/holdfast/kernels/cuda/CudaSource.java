package io.holdfast.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** The CUDA sources, src/main/cuda, as one text. */
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

  private static final Pattern KERNEL = Pattern.compile("^KERNEL (\\w+)\\(", Pattern.MULTILINE);

  private CudaSource() {}

  /** What is compiled; messages of the compiler name file and line. */
  static String text() {
    StringBuilder all = new StringBuilder();
    for (String file : FILES) {
      all.append("#line 1 \"").append(file).append("\"\n").append(read(file));
    }
    return all.toString();
  }

  /** Names of the kernels in a text. */
  static List<String> kernels(String text) {
    return KERNEL.matcher(text).results().map((MatchResult m) -> m.group(1)).toList();
  }

  private static String read(String file) {
    try (InputStream in = CudaSource.class.getResourceAsStream(file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
