package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is wrong is said in one line with its place, under the right exit code. */
class BadInputTest {

  @TempDir Path folder;

  private Path model;
  private Path rows;
  private Path out;

  @BeforeEach
  void toy() throws IOException {
    model = ToyModel.write(folder.resolve("base"));
    rows = ToyModel.rows(folder.resolve("rows.tsv"), 16);
    out = folder.resolve("out");
  }

  private static void refused(int exitCode, String line, String... said) {
    Cli cli = Cli.run(Cli.words(line));
    assertEquals(exitCode, cli.exitCode(), cli.err());
    assertEquals(1, cli.err().lines().count(), cli.err());
    assertEquals("", cli.out());
    for (String part : said) {
      assertTrue(cli.err().contains(part), "'" + part + "' in: " + cli.err());
    }
  }

  private String train(Path trainRows, Path evalRows) {
    return "train --log-format none --threads 1 --max-seq-length 16 --max-steps 1 --model "
        + model
        + " --train-file "
        + trainRows
        + " --validation-file "
        + evalRows
        + " --text-column text --label-column mood --output-dir "
        + out;
  }

  private Path file(String name, String... lines) throws IOException {
    return Files.write(folder.resolve(name), Arrays.asList(lines));
  }

  @Test
  void modelFilesThatAreMissingOrBroken() throws IOException {
    String line = train(rows, rows);
    refused(4, line.replace(model.toString(), folder + "/nowhere"), folder + "/nowhere");
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(bytes, bytes.length / 2));
    refused(4, line, "model.safetensors");
    bytes[7] = 0x7f;
    Files.write(weights, bytes);
    refused(4, line, "model.safetensors");
    Files.delete(weights);
    refused(4, line, model.toString());
    Files.writeString(model.resolve("config.json"), "{\"model_type\": ");
    refused(4, line, "config.json");
  }

  @Test
  void aModelWithoutATrainedHead() throws IOException {
    String config = Files.readString(model.resolve("config.json"));
    Files.writeString(
        model.resolve("config.json"),
        config.replace("\"2\": \"class2\"", "\"2\": \"c\", \"3\": \"d\""));
    refused(4, "predict --model " + model + " --text fine", model.toString());
  }

  @Test
  void rowsThatAreMissingOrBroken() throws IOException {
    refused(3, train(folder.resolve("none.tsv"), rows), "none.tsv");
    refused(3, train(file("columns.tsv", "words\tmood", "a\tup"), rows), "columns.tsv", "text");
    refused(3, train(file("empty.tsv"), rows), "empty.tsv");
    refused(3, train(file("blank.tsv", "text\tmood", "a\tup", " \tdown"), rows), "blank.tsv:3");
    refused(
        3,
        train(rows, file("label.tsv", "text\tmood", "a\tup", "b\tsideways")),
        "label.tsv:3",
        "sideways");
    refused(3, train(rows, file("ragged.tsv", "text\tmood", "a\tup", "b")), "ragged.tsv:3");
    refused(
        3,
        "train --log-format none --model "
            + model
            + " --task cola --data-dir "
            + folder
            + "/gone --output-dir "
            + out,
        "gone");
  }

  @Test
  void rowsThatDisagreeWithTheModel() throws IOException {
    Path other = file("other.tsv", "text\tmood", "the day was fine\tup", "the sea was dull\tdown");
    refused(
        3,
        "eval --model "
            + model
            + " --text-column text --label-column mood --validation-file "
            + other,
        "other.tsv");
    refused(
        3,
        "eval --model " + model + " --task rte --validation-file " + other,
        "class0",
        "entailment");
  }

  @Test
  void emptyTexts() {
    refused(3, "predict --model " + model + " --text \" \"", "--text");
    refused(3, "predict --model " + model + " --text a --text-pair \"\"", "--text-pair");
  }

  @Test
  void foldersThatAreNotOurs() throws IOException {
    Files.createDirectories(out);
    Path precious = out.resolve("thesis.tex");
    Files.writeString(precious, "years of work");
    refused(2, train(rows, rows), out.toString());
    refused(2, "demo --output-dir " + out, out.toString());
    assertArrayEquals(new String[] {"thesis.tex"}, out.toFile().list());
    assertEquals("years of work", Files.readString(precious));
    refused(2, train(rows, rows).replace(out.toString(), precious.toString()), "thesis.tex");
    refused(7, train(rows, rows).replace(out.toString(), precious + "/deeper"), "thesis.tex");
  }

  @Test
  void outputThatCannotBeWritten() {
    assumeTrue(Files.isDirectory(Path.of("/proc/self")), "needs a folder that takes no files");
    Cli cli = Cli.run(Cli.words(train(rows, rows).replace(out.toString(), "/proc/holdfast")));
    assertEquals(7, cli.exitCode(), cli.err());
    assertEquals(1, cli.err().lines().count(), cli.err());
    assertTrue(cli.err().contains("/proc/holdfast: cannot be used ("), cli.err());
    assertFalse(cli.err().contains("Exception"), cli.err());
  }

  @Test
  void runsThatCannotSucceed() throws IOException {
    String diverges = train(rows, rows).replace("--max-steps 1", "--max-steps 9");
    refused(6, diverges + " --learning-rate 1e38", "update ");
    Path guesses = file("guesses.tsv", "text\tmood");
    for (int i = 0; i < 40; i++) {
      Files.writeString(guesses, "the day\tup\nthe day\tdown\n", StandardOpenOption.APPEND);
    }
    Cli cli =
        Cli.run(
            Cli.words(
                train(guesses, guesses)
                        .replace(out.toString(), folder + "/guesses")
                        .replace("--max-steps 1", "--num-train-epochs 3")
                    + " --learning-rate 1e-4 --on-degenerate stop"));
    assertEquals(9, cli.exitCode(), cli.err());
    assertTrue(cli.err().contains("predictions are constant"), cli.err());
  }

  @Test
  void stackTracesAreShownToWhoAsks() throws IOException {
    Path broken = file("broken.json", "{\"model_type\": ");
    Files.copy(broken, model.resolve("config.json"), StandardCopyOption.REPLACE_EXISTING);
    String line = "predict --text fine --model " + model;
    refused(4, line, "config.json");
    String err = Cli.run(Cli.words(line + " -v")).err();
    assertTrue(err.contains("\tat io.holdfast.model"), err);
  }

  @Test
  void namesThatDoNotExist() {
    String line = train(rows, rows);
    refused(2, line + " --criterion sharpness", "sharpness", "r3f");
    refused(8, line + " --backend cuda", "cuda");
    refused(2, line + " --metric-for-best-model bleu", "bleu");
    refused(2, "train --model m --task colla --data-dir d --output-dir " + out, "colla");
  }

  @Test
  void aRowOfTenThousandTokensIsCutAndCounted() throws IOException {
    Path wide = file("wide.tsv", "text\tmood", "day ".repeat(10_000) + "\tup", "night\tdown");
    Cli cli = Cli.run(Cli.words(train(wide, rows)));
    assertEquals(0, cli.exitCode(), cli.err());
    assertTrue(
        cli.err().contains("1 rows were cut to 16 tokens (the longest has 10002)"), cli.err());
  }
}
