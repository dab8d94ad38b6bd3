package io.holdfast.engine.data;

import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The tasks known by name. Column names and places are those of the GLUE distribution, class ids
 * those of Hugging Face's {@code glue} data set, metric names those of its {@code glue} metric.
 */
public final class Tasks {

  public static final String ACCURACY = "accuracy";
  public static final String F1 = "f1";
  public static final String MACRO_F1 = "macro_f1";
  public static final String MATTHEWS = "matthews_correlation";
  public static final String PEARSON = "pearson";
  public static final String SPEARMAN = "spearmanr";
  public static final String MEAN_SQUARED_ERROR = "mse";

  /** The mean of the metrics before it. */
  public static final String COMBINED = "combined_score";

  private static final List<String> ZERO_ONE = List.of("0", "1");
  private static final List<String> ENTAILMENT = List.of("entailment", "not_entailment");
  private static final List<String> MNLI = List.of("entailment", "neutral", "contradiction");

  private static final Map<String, Task> GLUE = new LinkedHashMap<>();

  static {
    add(
        glue("cola", List.of("unacceptable", "acceptable"), ZERO_ONE, MATTHEWS)
            .at(new Columns("sentence", null, "label", 3, -1, 1, true, false, false)));
    add(
        glue("sst2", List.of("negative", "positive"), ZERO_ONE, ACCURACY)
            .at(columns("sentence", 0, null, -1, "label")));
    add(
        glue("mrpc", List.of("not_equivalent", "equivalent"), ZERO_ONE, ACCURACY, F1, COMBINED)
            .at(columns("#1 String", 3, "#2 String", 4, "Quality")));
    add(
        new Task(
            "stsb",
            Task.Kind.REGRESSION,
            List.of("score"),
            true,
            List.of(PEARSON, SPEARMAN, COMBINED),
            COMBINED,
            columns("sentence1", 7, "sentence2", 8, "score"),
            List.of(),
            null));
    // The published file has a few rows with a field missing and a few blank questions.
    add(
        glue("qqp", List.of("not_duplicate", "duplicate"), ZERO_ONE, ACCURACY, F1, COMBINED)
            .at(new Columns("question1", "question2", "is_duplicate", 3, 4, 5, false, true, true)));
    for (String name : List.of("mnli", "mnli-mm")) {
      add(
          glue(name, MNLI, MNLI, ACCURACY)
              .at(columns("sentence1", 8, "sentence2", 9, "gold_label")));
    }
    add(
        glue("qnli", ENTAILMENT, ENTAILMENT, ACCURACY)
            .at(columns("question", 1, "sentence", 2, "label")));
    add(
        glue("rte", ENTAILMENT, ENTAILMENT, ACCURACY)
            .at(columns("sentence1", 1, "sentence2", 2, "label")));
    add(
        glue("wnli", List.of("not_entailment", "entailment"), ZERO_ONE, ACCURACY)
            .at(columns("sentence1", 1, "sentence2", 2, "label")));
  }

  private Tasks() {}

  /** The names {@link #named} knows, without other spellings. */
  public static List<String> names() {
    return List.copyOf(GLUE.keySet());
  }

  /**
   * A GLUE task; sst-2, sts-b and capitals are understood. {@code mnli-mm} is mnli with the
   * mismatched development and test files. Throws (kind USAGE) for any other name.
   */
  public static Task named(String name) {
    String plain = name.toLowerCase(Locale.ROOT).replace('_', '-');
    Task task = GLUE.get(plain);
    task = task == null ? GLUE.get(plain.replace("-", "")) : task;
    if (task == null) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "no task named '"
              + name
              + "': use one of "
              + String.join(", ", names())
              + ", or name your own files and columns");
    }
    return task;
  }

  /** Labels for a message: in quotes, the first twenty of them. */
  public static String listed(List<String> labels) {
    return Text.list(labels);
  }

  /** What a run's task is called: the named one's own name, else the training file's first part. */
  public static String nameOf(String task, Path trainFile) {
    String file = trainFile == null ? "run" : trainFile.getFileName().toString();
    return task != null ? named(task).name() : file.replaceFirst("\\.[a-z]+$", "");
  }

  /**
   * The folder of a task below one for all: named as the task, whatever the capitals and dashes
   * (SST-2 for sst2), MNLI for mnli-mm as well. Throws (kind DATA) if there is none.
   */
  public static Path folder(Task task, Path root) {
    String wanted = plain(task.name().equals("mnli-mm") ? "mnli" : task.name());
    try (Stream<Path> entries = Files.list(root)) {
      return entries
          .filter(entry -> plain(entry.getFileName().toString()).equals(wanted))
          .filter(Files::isDirectory)
          .sorted()
          .findFirst()
          .orElseThrow(() -> new NoSuchFileException(root + " has no folder of that name"));
    } catch (IOException e) {
      throw new HoldfastException(
          HoldfastException.Kind.DATA,
          "no folder of task "
              + task.name()
              + " in "
              + root
              + ": it is named as in GLUE (RTE, CoLA, SST-2, …) and holds train.tsv and dev.tsv",
          e);
    }
  }

  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[-_]", "");
  }

  /** The file of a GLUE folder that holds a split. Throws (kind DATA) if it is not there. */
  public static Path file(String task, Path folder, Split split) {
    List<String> candidates = fileNames(task, split);
    for (String name : candidates) {
      if (Files.isRegularFile(folder.resolve(name))) {
        return folder.resolve(name);
      }
    }
    throw new HoldfastException(
        HoldfastException.Kind.DATA,
        folder
            + (Files.isDirectory(folder)
                ? " has no " + String.join(" or ", candidates)
                : " is not a folder")
            + ": give the folder with the files of task "
            + task);
  }

  private static List<String> fileNames(String task, Split split) {
    String name = split.name().toLowerCase(Locale.ROOT);
    boolean mnli = task.startsWith("mnli");
    if (!mnli || split == Split.TRAIN) {
      return List.of(name + ".tsv");
    }
    return task.equals("mnli-mm")
        ? List.of(name + "_mismatched.tsv")
        : List.of(name + "_matched.tsv", name + ".tsv");
  }

  /**
   * A task of the user's own. Classes are found in the training file: integers in their order,
   * other names sorted. Throws (kind DATA) for a file that cannot serve.
   *
   * @param kind null to decide from the file: numbers that are not all integers make a regression
   */
  public static Task custom(String name, Columns columns, Task.Kind kind, Path trainFile) {
    LabelScan scan = LabelScan.of(columns, trainFile);
    if (kind == null) {
      scan.requireOneKind();
    }
    boolean regression = kind == Task.Kind.REGRESSION || kind == null && scan.looksLikeRegression();
    return regression ? regression(name, columns) : classification(name, columns, scan.classes());
  }

  /** A task of the user's own that predicts the number in the label column. */
  public static Task regression(String name, Columns columns) {
    return new Task(
        name,
        Task.Kind.REGRESSION,
        List.of(columns.label()),
        columns.second() != null,
        List.of(PEARSON, SPEARMAN, MEAN_SQUARED_ERROR),
        PEARSON,
        columns,
        List.of(),
        null);
  }

  /**
   * A task of the user's own whose files write classes by their names. Of two, the positive one is
   * the second in sorted order, whatever the order of their ids.
   */
  public static Task classification(String name, Columns columns, List<String> labels) {
    boolean binary = labels.size() == 2;
    return new Task(
        name,
        Task.Kind.CLASSIFICATION,
        labels,
        columns.second() != null,
        binary ? List.of(ACCURACY, F1, MATTHEWS) : List.of(ACCURACY, MACRO_F1),
        ACCURACY,
        columns,
        labels,
        binary ? LabelScan.sorted(labels).get(1) : null);
  }

  private static void add(Task task) {
    GLUE.put(task.name(), task);
  }

  private static Columns columns(
      String first, int firstAt, String second, int secondAt, String label) {
    return new Columns(first, second, label, firstAt, secondAt, -1, false, false, false);
  }

  private static Classes glue(
      String name, List<String> labels, List<String> fileLabels, String... metrics) {
    return new Classes(name, labels, fileLabels, new ArrayList<>(List.of(metrics)));
  }

  private record Classes(
      String name, List<String> labels, List<String> fileLabels, List<String> metrics) {
    Task at(Columns columns) {
      return new Task(
          name,
          Task.Kind.CLASSIFICATION,
          labels,
          columns.second() != null,
          metrics,
          metrics.get(0),
          columns,
          fileLabels,
          labels.size() == 2 ? labels.get(1) : null);
    }
  }
}
