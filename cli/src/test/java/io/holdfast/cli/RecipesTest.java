package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.optim.Schedule;
import io.holdfast.engine.strategies.LayerRates;
import io.holdfast.engine.strategies.StrategyOptions.Average;
import io.holdfast.engine.train.TrainConfig;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecipesTest {

  private static final int LAYERS = 12;

  private static TrainConfig recipe(String name, String... more) {
    String line = "train --model m --data-dir d --output-dir o --recipe " + name + " ";
    return ((TrainCommand) Cli.parse(Cli.words(line + String.join(" ", more)))).options();
  }

  /** The rate of the tensor of BERT-base whose name contains {@code part}. */
  private static double rate(TrainConfig config, String part) {
    ModelConfig base =
        new ModelConfig(
            ModelConfig.Architecture.BERT,
            100,
            12,
            LAYERS,
            2,
            24,
            24,
            2,
            1e-12f,
            0,
            0,
            0,
            0.02f,
            0,
            ModelConfig.HeadInit.HUGGINGFACE,
            false,
            List.of("no", "yes"));
    LayerRates rates = new LayerRates(config.strategies(), LAYERS, config.learningRate());
    return ParameterLayout.of(base).entries().stream()
            .filter(entry -> entry.name().contains(part))
            .mapToDouble(rates::factor)
            .findFirst()
            .orElseThrow()
        * config.learningRate();
  }

  @Test
  void everyFileIsARecipeThatStartsARun() throws IOException {
    Set<String> files = new TreeSet<>();
    try (Stream<Path> list = Files.list(Path.of("src/main/resources/recipes"))) {
      list.forEach(file -> files.add(file.getFileName().toString().replace(".json", "")));
    }
    assertEquals(files, new TreeSet<>(Recipes.NAMES));
    Cli cli = Cli.run("train", "--recipe", "list");
    for (String grid : List.of("compare", "sweep")) {
      assertEquals(cli, Cli.run(grid, "--recipe", "list"));
    }
    assertEquals(0, cli.exitCode(), cli.err());
    for (String name : Recipes.NAMES) {
      assertEquals(name.split("-")[0], recipe(name).task());
      assertTrue(cli.out().lines().anyMatch(line -> line.startsWith(name + ": ")), cli.out());
    }
  }

  @Test
  void fairseqsRte() {
    TrainConfig config = recipe("rte-r3f");
    assertEquals("r3f", config.criterion());
    assertEquals(0.7, config.criterionOptions().r3f().r3fLambda());
    // 2490 rows in batches of 8, ten epochs: 3120 updates.
    int updates = 10 * ((2490 + config.perDeviceTrainBatchSize() - 1) / 8);
    Schedule schedule =
        new Schedule(
            config.lrSchedulerType(),
            config.learningRate(),
            Schedule.warmupUpdates(config.warmup(), updates),
            updates,
            config.lrPower(),
            config.lrEnd());
    assertEquals(0, schedule.at(1));
    assertEquals(5.347593583e-8, schedule.at(2), 1e-17);
    assertEquals(1e-5, schedule.at(188), 1e-20);
    assertEquals(3.409478e-9, schedule.at(3120), 1e-15);
  }

  @Test
  void layerwiseRatesOfCola() {
    TrainConfig config = recipe("cola-llrd");
    for (int l = 0; l < LAYERS; l++) {
      assertEquals(3.5e-6 * Math.pow(0.9, 11 - l), rate(config, "layer." + l + "."), 1e-18);
    }
    assertEquals(9.885e-7, rate(config, "embeddings"), 1e-10);
    assertEquals(3.6e-6, rate(config, "pooler"), 1e-18);
    assertEquals(3.6e-6, rate(config, "classifier"), 1e-18);

    TrainConfig grouped = recipe("cola-grouped-llrd");
    double[] rates = {1e-6, 1.75e-6, 3.5e-6};
    for (int l = 0; l < LAYERS; l++) {
      assertEquals(rates[l / 4], rate(grouped, "layer." + l + "."), 1e-18);
    }
    assertEquals(1e-6, rate(grouped, "embeddings"), 1e-18);
    assertEquals(3.6e-6, rate(grouped, "classifier"), 1e-18);
  }

  @Test
  void theMeanOfColaIsOverTheFifthEpoch() {
    TrainConfig config = recipe("cola-swa-reinit");
    int epoch = (8551 + 7) / config.perDeviceTrainBatchSize();
    double start = config.strategies().averageStart();
    assertEquals(Average.SWA, config.strategies().average());
    assertEquals(4 * epoch, Schedule.warmupUpdates(start, 5L * epoch));
    assertEquals(5, config.numTrainEpochs());
    assertEquals(3, config.strategies().reinitLayers());
  }

  @Test
  void flagsAndFilesComeBeforeARecipe(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("c.json");
    Files.writeString(file, "{\"seed\": 7, \"r3f_lambda\": 0.5}");
    TrainConfig config = recipe("rte-r3f", "--seed 9 --config " + file);
    assertEquals(9, config.seed());
    assertEquals(0.5, config.criterionOptions().r3f().r3fLambda());
    assertEquals(1e-5, config.learningRate());
  }

  @Test
  void anUnknownNameSuggests() {
    Cli cli = Cli.run(Cli.words("train --recipe cola-lrd --output-dir o"));
    assertEquals(2, cli.exitCode());
    assertTrue(cli.err().contains("did you mean cola-llrd?"), cli.err());
    assertEquals(1, cli.err().lines().count(), cli.err());
  }
}
