package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.optim.Schedule;
import io.holdfast.engine.options.Options;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.NoiseType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlagsTest {

  private static final String NEEDED = "train --model m --task cola --data-dir d --output-dir o ";

  private static TrainConfig train(String flags) {
    return ((TrainCommand) Cli.parse(Cli.words(NEEDED + flags))).options();
  }

  @Test
  void helpShowsEveryOptionWithTheDefaultThatIsUsed() {
    String help = Cli.run("train", "--help").out().replaceAll("\\s+", " ");
    Map<String, Object> values = train("").toMap();
    assertEquals(values.size(), TrainFlags.all().size());
    for (Options.Info info : TrainFlags.all()) {
      String expected = info.flag() + (info.isBoolean() ? "[=" : "=");
      assertTrue(help.contains(" " + expected), info.flag());
      assertTrue(help.contains(TrainFlags.describe(info)), TrainFlags.describe(info));
      if (info.byDefault() != null) {
        assertTrue(TrainFlags.describe(info).contains("default " + info.byDefault()));
        String used = String.valueOf(values.get(info.key()));
        boolean number = info.type().equals("number") || info.type().equals("integer");
        assertEquals(
            number ? String.valueOf(Double.parseDouble(info.byDefault())) : info.byDefault(),
            number ? String.valueOf(Double.parseDouble(used)) : used,
            info.flag());
      }
    }
  }

  /** What is typed stands for what a file or a recipe says otherwise about the same thing. */
  @Test
  void flagsReplaceWhatTheyExclude(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("run.json");
    Files.writeString(
        file,
        "{\"config\": {\"model\": \"m\", \"train_file\": \"t.csv\", \"validation_file\": \"v.csv\","
            + " \"text_column\": \"a\", \"label_column\": \"y\", \"regression\": true,"
            + " \"metric_for_best_model\": \"mse\"}}");
    TrainConfig other = train("--config " + file);
    assertEquals(Path.of("d"), other.dataDir());
    assertNull(other.trainFile());
    assertNull(other.validationFile());
    assertEquals("cola", other.task());
    assertNull(other.textColumn());
    assertNull(other.metricForBestModel());
    TrainConfig recipe = train("--recipe cola-llrd --llrd-groups 1/2/3");
    assertEquals(1.0, recipe.strategies().llrd());
  }

  @Test
  void twoNamesOfOneOptionInAFileMustAgree(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("args.json");
    for (String both :
        List.of(
            "\"warmup_ratio\": 0.5, \"warmup_steps\": 0",
            "\"warmup_steps\": 0, \"warmup_ratio\": 0.5")) {
      Files.writeString(file, "{" + both + "}");
      assertEquals(
          0.5, train("--config " + file).warmup()); // Hugging Face: 0 leaves it to the share
    }
    Files.writeString(file, "{\"warmup_ratio\": 0.5, \"warmup_steps\": 9}");
    assertTrue(
        assertThrows(HoldfastException.class, () -> train("--config " + file))
            .getMessage()
            .endsWith("'warmup_steps' is 9 where another name of --warmup is 0.5: leave one out"));
  }

  /** Values are taken as they are typed. */
  @Test
  void aTextMayLookLikeAFlagOrAFile(@TempDir Path folder) throws IOException {
    Path note = Files.writeString(folder.resolve("note"), "other words");
    String[] args = {"predict", "--model", "m", "--text", "--lr", "--text", "@" + note};
    assertArrayEquals(args, Main.withOurNames(Main.commandLine(null), args));
    var line = Main.commandLine(null).parseArgs("predict", "--model", "m", "--text", "@" + note);
    assertEquals(List.of("@" + note), line.subcommand().matchedOptionValue("--text", List.of()));
    assertArrayEquals(
        new String[] {"train", "--learning-rate", "1e-3", "--learning-rate=1"},
        Main.withOurNames(
            Main.commandLine(null), new String[] {"train", "--lr", "1e-3", "--lr=1"}));
  }

  @Test
  void theWholeLineOfTheReadmeParses() {
    TrainConfig config =
        train(
            "--criterion r3f --r3f-lambda 1.0 --eps 1e-5 --noise-type uniform"
                + " --learning-rate 5e-5 --num-train-epochs 3 --per-device-train-batch-size 32"
                + " --max-seq-length 128 --warmup 0.06 --seed 1 --threads 2 --max-steps 20");
    assertEquals("r3f", config.criterion());
    assertEquals(NoiseType.UNIFORM, config.criterionOptions().r3f().noiseType());
    assertEquals(5e-5, config.learningRate());
    assertEquals(32, config.perDeviceTrainBatchSize());
    assertEquals(0.06, config.warmup());
    assertEquals(20, config.maxSteps());
  }

  @Test
  void otherTrainersNamesMeanTheSame() {
    assertEquals(
        train(
            "--criterion r3f --learning-rate 1e-4 --per-device-train-batch-size 16 --adam-beta1 0.9"
                + " --adam-beta2 0.98 --adam-epsilon 1e-6 --num-train-epochs 10 --max-grad-norm 0"
                + " --lr-scheduler-type polynomial --warmup 60 --gradient-accumulation-steps 2"),
        ((TrainCommand)
                Cli.parse(
                    Cli.words(
                        "train --model_name_or_path m --task_name cola --data_dir d --save-dir o"
                            + " --criterion sentence_prediction_r3f --lr 1e-4 --batch-size=16"
                            + " --adam-betas \"(0.9, 0.98)\" --adam-eps 1e-6 --max-epoch 10"
                            + " --clip-norm 0 --lr-scheduler-type polynomial_decay"
                            + " --warmup-updates 60 --update_freq 2 --do_train --do_eval")))
            .options());
    assertEquals(
        train("--lr-scheduler-type constant"), train("--lr_scheduler_type constant_with_warmup"));
  }

  @Test
  void fairseqsFlagForANormalisedHeadMeansR4f() {
    TrainConfig r4f = train("--criterion r4f --spectral-norm-scope out_proj");
    String flag = " --spectral-norm-classification-head";
    assertEquals(r4f, train("--criterion r3f" + flag));
    assertEquals(r4f, train("--criterion sentence_prediction_r3f" + flag));
    assertEquals(r4f, train("--criterion r4f" + flag));
  }

  @Test
  void sweepKnowsFairseqsFlagToo() {
    String line = "sweep --grid eps=1e-5 --model m --task cola --data-dir d --output-dir o";
    Cli cli = Cli.run(Cli.words(line + " --spectral-norm-classification-head"));
    assertEquals(2, cli.exitCode());
    assertTrue(cli.err().contains("makes r4f of --criterion r3f"), cli.err());
  }

  @Test
  void foldersMayBeCalledWhatOtherTrainersCallAValue(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("run.json");
    Files.writeString(
        file, "{\"model\": \"polynomial_decay\", \"lr_scheduler_type\": \"polynomial_decay\"}");
    String line =
        "train --task cola --data-dir cross-entropy --criterion cross-entropy --output-dir o"
            + " --config ";
    TrainConfig config = ((TrainCommand) Cli.parse(Cli.words(line + file))).options();
    assertEquals(Path.of("cross-entropy"), config.dataDir());
    assertEquals("cross_entropy", config.criterion());
    assertEquals("polynomial_decay", config.model());
    assertEquals(Schedule.Shape.POLYNOMIAL, config.lrSchedulerType());
  }

  @Test
  void flagsComeBeforeTheFileAndTheFileBeforeDefaults(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("run.json");
    Files.writeString(file, "{\"config\": {\"learning_rate\": 0.001, \"seed\": 7, \"eps\": null}}");
    TrainConfig config = train("--seed 9 --config " + file);
    assertEquals(0.001, config.learningRate());
    assertEquals(9, config.seed());
    assertEquals(1e-5, config.criterionOptions().r3f().eps());
    Files.writeString(file, "{\"lr\": 0.002}");
    assertEquals(0.002, train("--config " + file).learningRate());
  }

  @Test
  void aConfigurationWrittenByOneRunStartsTheNext(@TempDir Path folder) throws IOException {
    TrainConfig config = train("--criterion r3f --eps 1e-3 --eval-strategy steps --eval-steps 7");
    Path file = folder.resolve("config.json");
    Files.writeString(
        file, new com.fasterxml.jackson.databind.ObjectMapper().writeValueAsString(config.toMap()));
    assertEquals(
        config, ((TrainCommand) Cli.parse("train", "--config", file.toString())).options());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[1]",
        "{\"seed\": {}}",
        "{\"sede\": 1}",
        "{\"seed\": 1,",
        "{\"seed\":1,\"seed\":2}"
      })
  void badConfigurationFilesAreUsageErrors(String json, @TempDir Path folder) throws IOException {
    Path file = folder.resolve("c.json");
    Files.writeString(file, json);
    HoldfastException e = assertThrows(HoldfastException.class, () -> train("--config " + file));
    assertEquals(HoldfastException.Kind.USAGE, e.kind());
  }

  @ParameterizedTest
  @CsvSource({
    "train --learning-rat 1,--learning-rate",
    "train --lamda 1,--r3f-lambda",
    "train --noise_typ normal,--noise-type",
    "train --epoch 1,--num-train-epochs",
    "eval --modle m,--model",
    "predict --txet a,--text",
    "trian,train",
  })
  void typosSuggest(String line, String expected) {
    Cli cli = Cli.run(Cli.words(line));
    assertEquals(2, cli.exitCode());
    assertEquals(1, cli.err().lines().count(), cli.err());
    assertTrue(cli.err().contains("did you mean " + expected + "?"), cli.err());
    assertEquals("", cli.out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--train-file t.tsv",
        "--eval-steps 10",
        "--save-steps 10",
        "--lr-power 2",
        "--average-start 0.5",
        "--average swa --average-decay 0.9",
        "--average ema --average-start 2.5",
        "--llrd 0.9 --llrd-groups 1,2",
        "--learning-rate 0",
        "--learning-rate fast",
        "--max-seq-length 2",
        "--eps -1",
        "--noise-type gaussian",
        "--patience 2 --eval-strategy no",
        "--adam-betas 0.9",
        "--spectral-norm-classification-head",
        "--spectral-norm-iterations 0",
        "--criterion",
        "stray",
      })
  void contradictionsAndBadValuesAreRefusedBeforeAnythingIsRead(String flags) {
    Cli cli = Cli.run(Cli.words(NEEDED + flags));
    assertEquals(2, cli.exitCode(), cli.err());
    assertEquals(1, cli.err().lines().count(), cli.err());
  }

  @Test
  void everyCommandHasHelp() {
    for (String command :
        new String[] {
          "demo", "train", "eval", "predict", "average", "compare", "sweep", "report", "doctor"
        }) {
      Cli cli = Cli.run(command, "--help");
      assertEquals(0, cli.exitCode());
      assertTrue(cli.out().contains("holdfast " + command), cli.out());
    }
    assertEquals(2, Cli.run().exitCode());
  }
}
