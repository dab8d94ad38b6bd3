package io.holdfast.engine.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.run.Json;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.TinyModels;
import io.holdfast.model.io.ModelFolder;
import io.holdfast.model.text.Tokenizer;
import io.holdfast.model.text.Tokenizers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A tiny BERT and a CoLA-like task on disk: a sentence of random words is acceptable if most of
 * them are of the second half of the vocabulary.
 */
final class TinyRun {

  private static final List<String> SPECIALS =
      List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");

  private final Path folder;

  /** Writes model and data below {@code folder}. */
  TinyRun(Path folder, int trainRows) {
    this.folder = folder;
    try {
      writeModel();
      Files.createDirectories(folder.resolve("data"));
      Files.writeString(folder.resolve("data/train.tsv"), rows(trainRows, 1));
      Files.writeString(folder.resolve("data/dev.tsv"), rows(24, 2));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Hears warnings alone. */
  static ProgressListener warningsTo(List<String> said) {
    return new ProgressListener() {
      @Override
      public void warning(String line) {
        said.add(line);
      }
    };
  }

  private void writeModel() throws IOException {
    ModelConfig config = TinyModels.config(Architecture.BERT, 2);
    Path vocabulary = Files.createDirectories(folder.resolve("vocabulary"));
    StringBuilder words = new StringBuilder(String.join("\n", SPECIALS)).append('\n');
    for (int i = SPECIALS.size(); i < config.vocabSize(); i++) {
      words.append(word(i)).append('\n');
    }
    Files.writeString(vocabulary.resolve("vocab.txt"), words);
    ParameterLayout layout = ParameterLayout.of(config);
    try (CpuKernels k = new CpuKernels(1, Precision.FP32);
        Arena arena = new Arena(k, layout.elements() * 4 + 64);
        Tokenizer tokenizer = Tokenizers.open(vocabulary, config)) {
      Parameters weights = new Parameters(layout, arena, k.real());
      TinyModels.randomise(k, weights, Key.of(5));
      ModelFolder.save(
          folder.resolve("model"), config, k, weights, tokenizer, config.maxTokens(), null);
    }
  }

  private static String word(int id) {
    return "w" + (char) ('a' + id / 26) + (char) ('a' + id % 26);
  }

  private static String rows(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count; i++) {
      List<String> words = new ArrayList<>();
      int label = random.nextInt(2);
      int length = 1 + random.nextInt(15);
      for (int w = 0; w < length; w++) {
        boolean own = random.nextInt(8) > 0;
        int half = own ? label : 1 - label;
        words.add(word(SPECIALS.size() + 22 * half + random.nextInt(22)));
      }
      text.append("x\t").append(label).append("\t\t");
      text.append(String.join(" ", words)).append('\n');
    }
    return text.toString();
  }

  /**
   * Replaces the data by pairs of sentences as STS-B has them: the score is 5 times the share of
   * words of the second half.
   */
  void writePairs(int trainRows) throws IOException {
    Files.writeString(folder.resolve("data/train.tsv"), pairs(trainRows, 3));
    Files.writeString(folder.resolve("data/dev.tsv"), pairs(24, 4));
  }

  private static String pairs(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder text = new StringBuilder();
    text.append("index\tgenre\tfilename\tyear\told_index\tsource1\tsource2");
    text.append("\tsentence1\tsentence2\tscore\n");
    for (int i = 0; i < count; i++) {
      int share = random.nextInt(9);
      List<String> words = new ArrayList<>();
      for (int w = 0; w < 8; w++) {
        words.add(word(SPECIALS.size() + (w < share ? 22 : 0) + random.nextInt(22)));
      }
      text.append(i).append("\tx\tx\tx\tx\tx\tx\t");
      text.append(String.join(" ", words.subList(0, 4))).append('\t');
      text.append(String.join(" ", words.subList(4, 8))).append('\t');
      text.append(5 * share / 8.0).append('\n');
    }
    return text.toString();
  }

  /** Options of a run into {@code output}, then pairs of key and value. */
  Map<String, String> options(String output, String... more) {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("model", folder.resolve("model").toString());
    options.put("task", "cola");
    options.put("data_dir", folder.resolve("data").toString());
    options.put("output_dir", output(output).toString());
    options.put("threads", "1");
    options.put("learning_rate", "1e-3");
    options.put("logging_steps", "3");
    for (int i = 0; i < more.length; i += 2) {
      options.put(more[i], more[i + 1]);
    }
    return options;
  }

  Path output(String name) {
    return folder.resolve(name);
  }

  Path data() {
    return folder.resolve("data");
  }

  Path model() {
    return folder.resolve("model");
  }

  Outcome run(Map<String, String> options) {
    return run(options, ProgressListener.SILENT, new StopSignal());
  }

  Outcome run(Map<String, String> options, ProgressListener listener, StopSignal stop) {
    return TrainJob.run(TrainConfig.of(options), listener, stop);
  }

  /** SHA-256 of weights and moments of the last checkpoint, and of the exported model. */
  String hash(String output) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      Path out = output(output);
      Path last = out.resolve(Files.readString(out.resolve("last")).strip());
      for (Path file :
          List.of(
              last.resolve("model.safetensors"),
              last.resolve("optimizer.safetensors"),
              out.resolve("model.safetensors"))) {
        digest.update(Files.readAllBytes(file));
      }
      digest.update(untimed(out.resolve("metrics.jsonl")).getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException | NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The lines of metrics.jsonl without what depends on the clock. */
  static String untimed(Path metrics) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (String line : Files.readAllLines(metrics)) {
      ObjectNode json = Json.parse(line);
      json.remove(List.of("ts", "tokens_per_second", "seconds_per_step"));
      lines.append(json).append('\n');
    }
    return lines.toString();
  }
}
