package io.holdfast.kernels.cuda;

import io.holdfast.kernels.DType;
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

  private static final List<String> REAL =
      List.of(
          "prelude.cu",
          "philox.cu",
          "embedding.cu",
          "tanh.cu",
          "ascent.cu",
          "losses.cu",
          "update.cu",
          "spectral_norm.cu",
          "heads.cu");

  /** Once for each type that hidden states have. */
  private static final List<String> HIDDEN =
      List.of(
          "convert.cu",
          "dropout.cu",
          "noise.cu",
          "gelu.cu",
          "layer_norm.cu",
          "columns.cu",
          "gather.cu");

  /** Widths of heads that attention in 16 bits is compiled for, ascending. */
  static final List<Integer> HEADS = List.of(32, 64, 128);

  private static final Pattern KERNEL =
      Pattern.compile("^((?:WIDE_|HEAD_)?KERNEL )(\\w+)\\(([^)]*)\\)", Pattern.MULTILINE);

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
   * The files of src/main/cuda, for hidden states of fp32 and of the types of 16 bits that are
   * named; messages of the compiler name file and line.
   */
  static CudaSource ours(DType... halves) {
    StringBuilder all = new StringBuilder();
    REAL.forEach(file -> all.append(read(file)));
    append(all, "float", "", suffix(DType.F32), HIDDEN);
    append(all, "float", "", suffix(DType.F32), List.of("attention.cu"));
    if (halves.length > 0) {
      all.append(read("tensor_cores.cu"));
    }
    for (DType half : halves) {
      String type = half == DType.BF16 ? "Bf16" : "F16";
      append(all, type, "", suffix(half), HIDDEN);
      for (int head : HEADS) {
        String width = "static const int HEAD = " + head + ";\n";
        append(all, type, width, suffix(half, head), List.of("attention_half.cu"));
      }
    }
    return new CudaSource(all.toString());
  }

  /** Files in a namespace of their own, the suffix behind the names of their kernels. */
  private static void append(
      StringBuilder all, String type, String width, String suffix, List<String> files) {
    String name = "files_" + files.size() + suffix;
    all.append("namespace ").append(name).append(" {\ntypedef ").append(type);
    all.append(" Hidden;\n").append(width);
    for (String file : files) {
      all.append(KERNEL.matcher(read(file)).replaceAll("$1$2" + suffix + "($3)"));
    }
    all.append("}\nusing namespace ").append(name).append(";\n");
  }

  /** What is added to the names of kernels for hidden states of that type. */
  static String suffix(DType hidden) {
    return hidden == DType.F32 ? "" : hidden == DType.BF16 ? "_bf16" : "_f16";
  }

  /** The same for attention with heads of up to {@code width} columns. */
  static String suffix(DType half, int width) {
    return suffix(half) + "_" + width;
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
