package io.holdfast.engine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Row counts and majority classes of the published data sets, where they are at hand. */
class RealDataTest {

  private static Path data() {
    Path data = Path.of(System.getProperty("holdfast.shared", "absent"), "data");
    assumeTrue(Files.isDirectory(data), "the data sets are not here");
    return data;
  }

  /** {@code majority} is the dev set's most frequent class and its count. */
  @ParameterizedTest
  @CsvSource({
    "rte, RTE, 2490, 277, entailment, 146",
    "cola, CoLA, 8551, 1043, acceptable, 721",
    "mrpc, MRPC, 3668, 408, equivalent, 279",
    "sst2, SST-2, 67349, 872, positive, 444",
  })
  void glueTasks(String name, String folder, int train, int dev, String majority, int count) {
    Task task = Tasks.named(name);
    Path path = data().resolve(folder);
    Dataset first = DatasetReader.read(task, Tasks.file(task.name(), path, Split.TRAIN), true, 0);
    Dataset second = DatasetReader.read(task, Tasks.file(task.name(), path, Split.DEV), true, 0);
    assertEquals(train, first.size());
    assertEquals(dev, second.size());
    assertEquals(List.of(), first.notes());
    assertEquals(List.of(), second.notes());
    int[] counts = new int[task.outputs()];
    second.examples().forEach(e -> counts[e.label()]++);
    assertEquals(count, counts[task.labels().indexOf(majority)]);
  }

  @ParameterizedTest
  @CsvSource({"train, 5749, 2.700999", "dev, 1500, 2.363908"})
  void similarity(String split, int rows, double mean) {
    Task task = Tasks.named("stsb");
    Path file = data().resolve("STS-B").resolve(split + ".tsv");
    Dataset d = DatasetReader.read(task, file, true, 0);
    assertEquals(rows, d.size());
    double sum = d.examples().stream().mapToDouble(Example::target).sum();
    assertEquals(mean, sum / rows, 1e-6);
  }

  @ParameterizedTest
  @CsvSource({
    "SNLI-small, sentence1, sentence2, gold_label, 9842, 9824,"
        + " contradiction|entailment|neutral, 3237|3368|3219",
    "TREC, sentence, , coarse, 5452, 500, ABBR|DESC|ENTY|HUM|LOC|NUM, 9|138|94|65|81|113",
  })
  void ownTasks(
      String folder,
      String first,
      String second,
      String label,
      int train,
      int dev,
      String labels,
      String counts) {
    Path path = data().resolve(folder);
    Columns columns = Columns.named(first, second, label);
    Task task = Tasks.custom(folder, columns, null, path.resolve("train.tsv"));
    assertEquals(List.of(labels.split("\\|")), task.labels());
    assertEquals(train, DatasetReader.read(task, path.resolve("train.tsv"), true, 0).size());
    Dataset d = DatasetReader.read(task, path.resolve("dev.tsv"), true, 0);
    assertEquals(dev, d.size());
    int[] seen = new int[task.outputs()];
    d.examples().forEach(e -> seen[e.label()]++);
    assertArrayEquals(
        Arrays.stream(counts.split("\\|")).mapToInt(Integer::parseInt).toArray(), seen);
  }
}
