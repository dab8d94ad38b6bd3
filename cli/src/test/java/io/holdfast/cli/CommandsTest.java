package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands from end to end, on a toy. */
class CommandsTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  private String train;
  private String columns;

  @BeforeEach
  void toy() throws IOException {
    ToyModel.write(folder.resolve("base"));
    ToyModel.rows(folder.resolve("train.tsv"), 64);
    ToyModel.rows(folder.resolve("dev.tsv"), 24);
    columns = " --text-column text --label-column mood";
    train =
        "train --model "
            + folder.resolve("base")
            + " --train-file "
            + folder.resolve("train.tsv")
            + " --validation-file "
            + folder.resolve("dev.tsv")
            + columns
            + " --criterion r3f --learning-rate 3e-3 --num-train-epochs 10 --eval-on-start"
            + " --per-device-train-batch-size 8 --max-seq-length 16 --threads 1";
  }

  private Cli run(String line) {
    return Cli.run(Cli.words(line));
  }

  private Cli succeed(String line) {
    Cli cli = run(line);
    assertEquals(0, cli.exitCode(), cli.err());
    return cli;
  }

  @Test
  void trainsEvaluatesPredictsAndRunsAgain() throws IOException {
    Path out = folder.resolve("out");
    JsonNode result = JSON.readTree(succeed(train + " --json --output-dir " + out).out());
    assertEquals("completed", result.path("status").asText());
    assertEquals(80, result.path("steps").asInt());
    assertEquals(0.5, result.path("majority").path("accuracy").asDouble());
    assertEquals(1.0, result.path("eval").path("accuracy").asDouble());
    assertTrue(Files.readString(out.resolve("train.log")).contains("step 50/80"));

    String evaluate = "eval --model " + out + " --validation-file " + folder.resolve("dev.tsv");
    JsonNode metrics = JSON.readTree(succeed(evaluate + columns + " --json").out());
    assertEquals(1.0, metrics.path("accuracy").asDouble());
    assertEquals(
        result.path("eval").path("loss").asDouble(), metrics.path("loss").asDouble(), 1e-6);

    String predict = "predict --model " + out + " --text \"the food was grim\"";
    JsonNode answer = JSON.readTree(succeed(predict + " --json").out());
    assertEquals("down", answer.path("label").asText());
    JsonNode shares = answer.path("probabilities");
    assertEquals(1.0, shares.path("down").asDouble() + shares.path("up").asDouble(), 1e-6);
    String file = "predict --model " + out + " --text-column text --test-file ";
    assertEquals(24, succeed(file + folder.resolve("dev.tsv")).out().lines().count());

    Path again = folder.resolve("again");
    succeed("train --config " + out.resolve("run.json") + " --output-dir " + again);
    assertArrayEquals(
        Files.readAllBytes(out.resolve("model.safetensors")),
        Files.readAllBytes(again.resolve("model.safetensors")));
  }

  @Test
  void averagesModels() throws IOException {
    String dev = " --validation-file " + folder.resolve("dev.tsv") + columns;
    succeed(train + " --max-steps 8 --output-dir " + folder.resolve("a"));
    succeed(train + " --max-steps 8 --seed 7 --output-dir " + folder.resolve("b"));
    String both = "average " + folder.resolve("a") + " " + folder.resolve("b") + " --output-dir ";
    JsonNode soup = JSON.readTree(succeed(both + folder.resolve("soup") + dev + " --json").out());
    assertEquals("mean of 2", soup.path("chosen").asText());
    String evaluate = "eval --model " + folder.resolve("soup") + dev + " --json";
    assertEquals(soup.path("tried").path("mean of 2"), JSON.readTree(succeed(evaluate).out()));

    String between = "average " + folder.resolve("a") + " --base " + folder.resolve("base");
    String to = " --output-dir " + folder.resolve("wise");
    Cli wise = succeed(between + to + dev + " --alpha 0.5,1");
    assertTrue(wise.out().contains("alpha 0.5\n"), wise.out());
    assertTrue(wise.out().contains("chosen: alpha "), wise.out());
    for (String line :
        new String[] {
          "average " + folder.resolve("a") + to,
          both + folder.resolve("c") + " --soup greedy",
          both + folder.resolve("c") + " --alpha 0.5",
          between + " --alpha 0.5,1 --output-dir " + folder.resolve("c"),
          between + " --alpha 2 --output-dir " + folder.resolve("c"),
          between + " --soup greedy --output-dir " + folder.resolve("c") + dev,
          both + folder.resolve("a")
        }) {
      Cli refused = run(line);
      assertEquals(2, refused.exitCode(), line + refused.err());
      assertEquals(1, refused.err().lines().count(), refused.err());
    }
  }

  @Test
  void anotherRunInTheSameFolderIsRefusedAndTheSameOneGoesOn() throws IOException {
    String line = train + " --max-steps 8 --output-dir " + folder.resolve("out");
    succeed(line);
    byte[] model = Files.readAllBytes(folder.resolve("out/model.safetensors"));
    Cli other = run(line + " --seed 7 --log-format none");
    assertEquals(2, other.exitCode(), other.err());
    assertTrue(other.err().contains("--seed was 42, is 7"), other.err());
    assertEquals(1, other.err().lines().count(), other.err());
    succeed(line);
    assertArrayEquals(model, Files.readAllBytes(folder.resolve("out/model.safetensors")));
  }

  @Test
  void logFormatsShowStepsAsLinesAsJsonOrNotAtAll() throws IOException {
    String line = train + " --max-steps 4 --logging-steps 2 --log-format ";
    String plain = succeed(line + "plain --output-dir " + folder.resolve("a")).err();
    assertTrue(plain.contains("step 2/4  epoch 0.25  loss "), plain);
    String json = succeed(line + "json --output-dir " + folder.resolve("b")).err();
    List<String> steps = new ArrayList<>();
    for (String object : json.lines().toList()) {
      JsonNode node = JSON.readTree(object);
      if (node.path("event").asText().equals("step")) {
        assertTrue(node.has("ce") && node.has("kl") && node.has("learning_rate"), object);
        steps.add(node.path("step").asText());
      }
    }
    assertEquals(List.of("2", "4"), steps);
    String none = succeed(line + "none --output-dir " + folder.resolve("c")).err();
    assertEquals("", none, "the paper's eps is no reason to warn");
    String loud = succeed(line + "none --eps 1e-6 --output-dir " + folder.resolve("d")).err();
    assertTrue(loud.startsWith("warning: the noise is negligible"), loud);
  }

  @Test
  void rowsThatAreCutOrBlankAreSaidAndAnswered() throws IOException {
    Path out = folder.resolve("out");
    succeed(train + " --max-steps 1 --output-dir " + out);
    Path pairs = folder.resolve("test.tsv");
    String wide = "the day was fine ".repeat(9);
    Files.writeString(pairs, "id\tquestion1\tquestion2\n0\tfine\t \n1\tfine\t" + wide + "\n");
    String file = " --max-seq-length 16 --task qqp --test-file " + pairs;
    Cli cli = succeed("predict --model " + out + file);
    assertEquals(2, cli.out().lines().count(), cli.out());
    assertTrue(cli.err().contains("1 rows were cut to 16 tokens"), cli.err());
    Path dev = folder.resolve("wide.tsv");
    Files.writeString(dev, "text\tmood\n" + wide + "\tup\nfine\tdown\n");
    String eval = " --max-seq-length 16 --validation-file " + dev + columns;
    String said = succeed("eval --model " + out + eval).err();
    assertTrue(said.contains("1 rows were cut to 16 tokens"), said);
    String text = " --max-seq-length 16 --text \"" + wide + "\"";
    said = succeed("predict --model " + out + text).err();
    assertTrue(said.contains("the texts: 1 rows were cut"), said);
  }

  /** Where the processor has no AMX, whoever asks for it is told, and the record says so. */
  @Test
  void aPrecisionThatIsNotThereIsSaid() throws IOException {
    Cli doctor = run("doctor --json");
    String found = JSON.readTree(doctor.out()).path("bf16_gemm").asText();
    Path out = folder.resolve("out");
    String bf16 = " --precision bf16-gemm";
    String trained = succeed(train + " --max-steps 1 --output-dir " + out + bf16).err();
    String predicted = succeed("predict --text fine --model " + out + bf16).err();
    JsonNode recorded = JSON.readTree(out.resolve("run.json").toFile()).path("backend");
    if (found.equals("available")) {
      assertEquals("", recorded.path("note").asText());
      assertEquals("", predicted);
    } else {
      assertEquals("warning: " + found, predicted.strip());
      assertTrue(trained.contains("warning: " + found), trained);
      assertEquals(found, recorded.path("note").asText());
      assertTrue(found.endsWith("products stay fp32"), found);
    }
    assertEquals("", succeed("predict --text fine --model " + out).err());
  }

  @Test
  void theRecordTheDoctorAndTheVersionAgree() throws IOException {
    Path out = folder.resolve("out");
    succeed(train + " --max-steps 1 --output-dir " + out);
    JsonNode run = JSON.readTree(out.resolve("run.json").toFile());
    JsonNode doctor = JSON.readTree(run("doctor --json").out());
    String lines = run("--version").out();
    assertTrue(lines.startsWith("holdfast " + run.path("version").asText() + "\n"), lines);
    assertEquals(run.path("version"), doctor.path("holdfast"));
    assertEquals(4, run.path("libraries").size());
    run.path("libraries")
        .properties()
        .forEach(
            library -> {
              assertEquals(library.getValue(), doctor.path(library.getKey()));
              String line = library.getKey() + " " + library.getValue().asText() + "\n";
              assertTrue(lines.contains(line), lines);
            });
  }

  /** In a process of its own: SIGTERM saves, exits with 75, and the same command finishes. */
  @Test
  void aSignalSavesAndTheSameCommandGoesOn() throws Exception {
    Path out = folder.resolve("out");
    String line = train + " --logging-steps 1 --max-steps 300 --output-dir " + out;
    signalled(75, line, "step 3/", 1);
    String resumed = succeed(line).err();
    assertTrue(resumed.contains("resuming after update "), resumed);
    assertTrue(Files.exists(out.resolve("model.safetensors")));
  }

  @Test
  void aSignalBeforeTheFirstUpdateSavesNothingAndSaysSo() throws Exception {
    Path out = folder.resolve("out");
    ToyModel.rows(folder.resolve("dev.tsv"), 40_000); // evaluated before the first update
    String said = signalled(143, train + " --output-dir " + out, "noise audit", 1);
    assertTrue(said.contains("nothing new is saved"), said);
  }

  /** It does not wait for the evaluation, which the same command does first. */
  @Test
  void aSignalDuringAnEvaluationIsHeard() throws Exception {
    Path out = folder.resolve("out");
    String line = train + " --logging-steps 1 --max-steps 2 --output-dir " + out;
    line = line.replace(" --eval-on-start", "");
    ToyModel.rows(folder.resolve("dev.tsv"), 40_000);
    String said = signalled(75, line, "step 2/2", 1);
    assertFalse(said.contains("evaluation at step 2"), said);
    assertTrue(Files.exists(out.resolve("checkpoint-2/MANIFEST.json")));
    assertFalse(Files.exists(out.resolve("model.safetensors")));
    String resumed = succeed(line).err();
    assertTrue(resumed.contains("resuming after update 2 of 2"), resumed);
    assertTrue(resumed.contains("evaluation at step 2"), resumed);
    assertTrue(Files.exists(out.resolve("model.safetensors")));
  }

  @Test
  void aSignalEndsEvalAndPredict() throws Exception {
    Path out = folder.resolve("out");
    succeed(train + " --max-steps 1 --output-dir " + out);
    Path rows = ToyModel.rows(folder.resolve("dev.tsv"), 40_000);
    String wide = "the day was fine ".repeat(9);
    Files.writeString(rows, wide + "\tup\n", StandardOpenOption.APPEND);
    String cut = rows + ": 1 rows were cut";
    for (String command : List.of("eval --validation-file ", "predict --test-file ")) {
      signalled(143, command + rows + columns + " --model " + out, "warning: " + cut, 1);
    }
  }

  /** The second signal does not wait for the update: one of 2,000 micro-batches. */
  @Test
  void aSecondSignalStopsAtOnce() throws Exception {
    ToyModel.rows(folder.resolve("train.tsv"), 32_000);
    String line = train + " --logging-steps 1 --gradient-accumulation-steps 2000";
    signalled(143, line + " --output-dir " + folder.resolve("out"), "step 1/", 2);
  }

  /** Runs a command in a process of its own that gets SIGTERM after a line; what it says then. */
  private static String signalled(int exitCode, String line, String after, int signals)
      throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(Cli.words(line)));
    Process process = new ProcessBuilder(command).start();
    try (BufferedReader err = process.errorReader()) {
      String read = err.readLine();
      while (read != null && !read.startsWith(after)) {
        read = err.readLine();
      }
      process.toHandle().destroy();
      if (signals == 2) {
        assertTrue(err.readLine().startsWith("stopping: "));
        process.toHandle().destroy();
      }
      String said = err.lines().collect(Collectors.joining("\n"));
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      assertEquals(exitCode, process.exitValue(), said);
      assertEquals(0, process.getInputStream().readAllBytes().length, "results on stdout");
      return said;
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void outputThatIsCutOffIsAFailure() {
    PrintStream out = System.out;
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("No space left on device");
          }
        };
    System.setOut(new PrintStream(full, true));
    try {
      assertEquals(7, Main.run("train", "--recipe", "list"));
    } finally {
      System.setOut(out);
    }
  }
}
