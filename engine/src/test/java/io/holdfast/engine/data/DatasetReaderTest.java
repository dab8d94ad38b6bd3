package io.holdfast.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The layouts of the nine tasks' files, and the formats of one's own. */
class DatasetReaderTest {

  @TempDir Path folder;

  private Dataset glue(String task, String text) throws IOException {
    Path file = Files.writeString(folder.resolve(task + ".tsv"), text);
    return DatasetReader.read(Tasks.named(task), file, true, 0);
  }

  private static Example labelled(String first, String second, int label) {
    return new Example(first, second, label, Float.NaN);
  }

  @Test
  void acceptabilityHasNoHeaderAndKeepsQuotes() throws IOException {
    Dataset d = glue("cola", "gj04\t1\t\t\"Quoth he.\ngj04\t0\t*\tHe quoth\b it.\"");
    assertEquals(
        List.of(labelled("\"Quoth he.", null, 1), labelled("He quoth\b it.\"", null, 0)),
        d.examples());
  }

  @Test
  void acceptabilityTestFileHasAHeader() throws IOException {
    Path file = Files.writeString(folder.resolve("test.tsv"), "index\tsentence\n0\tBill slept.\n");
    Dataset d = DatasetReader.read(Tasks.named("cola"), file, false, 0);
    assertEquals("Bill slept.", d.examples().get(0).first());
    assertEquals(-1, d.examples().get(0).label());
    assertTrue(Float.isNaN(d.examples().get(0).target()));
  }

  @Test
  void paraphraseMayBeginWithAByteOrderMark() throws IOException {
    Dataset d =
        glue("mrpc", "\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tu \"v\tw\r\n");
    assertEquals(List.of(labelled("u \"v", "w", 1)), d.examples());
    assertEquals(List.of(), d.notes());
  }

  @Test
  void questionPairsLeaveOutRaggedRowsAndKeepBlankQuestions() throws IOException {
    Dataset d =
        glue(
            "qqp",
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
                + "0\t1\t2\twhy\twhy not\t0\n"
                + "1\t3\t4\twhen\n"
                + "2\t5\t6\thow\t\t1\n"
                + "3\t7\t8\ta\tb\tc\t1\n");
    assertEquals(List.of(labelled("why", "why not", 0), labelled("how", "", 1)), d.examples());
    String file = d.file().toString();
    assertEquals(
        List.of(
            file + ": left out 2 rows with other than 6 fields, the first at line 3",
            file + ": 1 rows have one blank text"),
        d.notes());
    // Of rows to predict none may be missing: answers go by their number.
    HoldfastException e =
        assertThrows(
            HoldfastException.class,
            () -> DatasetReader.read(Tasks.named("qqp"), Path.of(file), false, 0));
    assertTrue(e.getMessage().contains(":3: row has 4 fields"), e.getMessage());
  }

  @Test
  void inferenceLabelsStandLastInTrainAndDev() throws IOException {
    String left = "index\tpromptID\tpairID\tgenre\tb1\tb2\tp1\tp2\tsentence1\tsentence2\tlabel1";
    Dataset train =
        glue("mnli", left + "\tgold_label\n0\t1\t2\tg\tx\tx\tx\tx\tu\tv\tneutral\tcontradiction\n");
    assertEquals(List.of(labelled("u", "v", 2)), train.examples());
    Dataset dev =
        glue(
            "mnli-mm",
            left
                + "\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n"
                + "0\t1\t2\tg\tx\tx\tx\tx\tu\tv\tn\tn\tn\tn\tn\tentailment\n");
    assertEquals(List.of(labelled("u", "v", 0)), dev.examples());
    assertEquals(List.of(), dev.notes());
  }

  @Test
  void theOtherPairTasksReadTheirColumns() throws IOException {
    assertEquals(
        List.of(labelled("q", "s", 1)),
        glue("qnli", "index\tquestion\tsentence\tlabel\n0\tq\ts\tnot_entailment\n").examples());
    assertEquals(
        List.of(labelled("u", "v", 0)),
        glue("rte", "index\tsentence1\tsentence2\tlabel\n0\tu\tv\tentailment\n").examples());
    assertEquals(
        List.of(labelled("u", "v", 1)),
        glue("wnli", "index\tsentence1\tsentence2\tlabel\n0\tu\tv\t1\n").examples());
  }

  @Test
  void columnsInUnusualPlacesAreTold() throws IOException {
    Dataset d = glue("sst2", "label\tsentence\n1\tgood\n");
    assertEquals(List.of(labelled("good", null, 1)), d.examples());
    assertEquals(
        List.of(d.file() + ": column 'sentence' stands at place 2, in the published files at 1"),
        d.notes());
  }

  @Test
  void labelNamesAreUnderstoodToo() throws IOException {
    assertEquals(1, glue("sst2", "sentence\tlabel\ngood\tpositive\n").examples().get(0).label());
  }

  @Test
  void theHashIsThatOfTheWholeFileAlsoForItsFirstRows() throws IOException {
    Path file = Files.writeString(folder.resolve("t.tsv"), "sentence\tlabel\ngood\t1\nbad\t9\n");
    Dataset d = DatasetReader.read(Tasks.named("sst2"), file, true, 1);
    assertEquals(1, d.size());
    // printf 'sentence\tlabel\ngood\t1\nbad\t9\n' | sha256sum
    assertEquals("47add9629f5f80997c3c783cf5816ae02060e42061a10c1d22a6213998e61362", d.sha256());
  }

  @Test
  void csvFieldsMayHoldCommasQuotesAndLineEnds() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("t.csv"),
            "\uFEFFid,\"the text\",y\r\n1,\"a, \"\"b\"\"\r\n\r\nc\",yes\r\n2,plain 'd',no\r\n");
    Task task = Tasks.custom("own", Columns.named("the text", null, "y"), null, file);
    assertEquals(List.of("no", "yes"), task.labels());
    assertEquals(1, task.positive());
    assertEquals(
        List.of(labelled("a, \"b\"\n\nc", null, 1), labelled("plain 'd'", null, 0)),
        DatasetReader.read(task, file, true, 0).examples());
  }

  @Test
  void jsonLabelsMayBeStringsNumbersOrBooleans() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("t.jsonl"),
            "{\"a\":\"u\\tü\",\"b\":\"v\",\"y\":10}\n{\"a\":\"w\",\"b\":\"x\",\"y\":\"9\",\"z\":{}}\n");
    Task task = Tasks.custom("own", Columns.named("a", "b", "y"), null, file);
    assertEquals(List.of("9", "10"), task.labels());
    assertEquals(
        List.of(labelled("u\tü", "v", 1), labelled("w", "x", 0)),
        DatasetReader.read(task, file, true, 0).examples());
    Files.writeString(file, "{\"a\":\"u\",\"y\":true}\n{\"a\":\"v\",\"y\":false}\n");
    Task truth = Tasks.custom("own", Columns.named("a", null, "y"), null, file);
    assertEquals(List.of("false", "true"), truth.labels());
  }

  @Test
  void numbersThatAreNotAllIntegersMakeARegression() throws IOException {
    Path file = Files.writeString(folder.resolve("t.csv"), "a,y\nu,1\nv,-2.5\nw,3e-1\n");
    Columns columns = Columns.named("a", null, "y");
    Task task = Tasks.custom("own", columns, null, file);
    assertEquals(Task.Kind.REGRESSION, task.kind());
    assertEquals(List.of("y"), task.labels());
    Dataset d = DatasetReader.read(task, file, true, 0);
    assertEquals(List.of(1f, -2.5f, 0.3f), d.examples().stream().map(Example::target).toList());
    assertEquals(3, Tasks.custom("own", columns, Task.Kind.CLASSIFICATION, file).outputs());
    Files.writeString(file, "a,y\nu,1\nv,2\n");
    assertEquals(
        Task.Kind.REGRESSION, Tasks.custom("own", columns, Task.Kind.REGRESSION, file).kind());
  }

  /** As 5.0 and 10.0 are in a CSV file. */
  @Test
  void jsonNumbersWithAPointAreFractions() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("t.jsonl"), "{\"a\":\"u\",\"y\":5.0}\n{\"a\":\"v\",\"y\":10.0}\n");
    Task task = Tasks.custom("own", Columns.named("a", null, "y"), null, file);
    assertEquals(Task.Kind.REGRESSION, task.kind());
    Dataset d = DatasetReader.read(task, file, true, 0);
    assertEquals(List.of(5f, 10f), d.examples().stream().map(Example::target).toList());
  }

  @Test
  void taskNamesHaveTheUsualSpellings() {
    assertEquals(
        List.of("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "mnli-mm", "qnli", "rte", "wnli"),
        Tasks.names());
    assertEquals("sst2", Tasks.named("SST-2").name());
    assertEquals("stsb", Tasks.named("sts-b").name());
    assertEquals("mnli-mm", Tasks.named("MNLI-mm").name());
    HoldfastException e = assertThrows(HoldfastException.class, () -> Tasks.named("squad"));
    assertEquals(HoldfastException.Kind.USAGE, e.kind());
  }

  @Test
  void theMismatchedFilesAreThoseOfMnliMm() throws IOException {
    for (String name : List.of("train", "dev_matched", "dev_mismatched", "test_mismatched")) {
      Files.writeString(folder.resolve(name + ".tsv"), "x");
    }
    assertEquals(folder.resolve("train.tsv"), Tasks.file("mnli-mm", folder, Split.TRAIN));
    assertEquals(folder.resolve("dev_matched.tsv"), Tasks.file("mnli", folder, Split.DEV));
    assertEquals(folder.resolve("dev_mismatched.tsv"), Tasks.file("mnli-mm", folder, Split.DEV));
    assertEquals(folder.resolve("test_mismatched.tsv"), Tasks.file("mnli-mm", folder, Split.TEST));
  }

  @Test
  void aCheckpointsOrderOfLabelsIsKept() throws IOException {
    Task task = Tasks.named("mnli");
    Task other = task.withLabelOrder(List.of("contradiction", "neutral", "entailment"));
    assertEquals(0, other.labelId("contradiction"));
    assertEquals(2, other.labelId("entailment"));
    Task cola = Tasks.named("cola").withLabelOrder(List.of("acceptable", "unacceptable"));
    assertEquals(0, cola.labelId("1"));
    assertEquals(1, cola.labelId("0"));
    assertThrows(
        HoldfastException.class, () -> task.withLabelOrder(List.of("entailment", "neutral")));
    assertEquals(task, task.withLabelOrder(List.of("LABEL_0", "LABEL_1", "LABEL_2")));
    assertThrows(HoldfastException.class, () -> task.withLabelOrder(List.of("LABEL_0", "LABEL_1")));
  }

  @Test
  void textsOfThePromptHaveNoLabels() {
    Dataset d = Dataset.ofTexts(Tasks.named("cola"), List.of("One.", "Two."), null);
    assertEquals(labelled("Two.", null, -1), d.examples().get(1));
    assertNull(d.sha256());
    Task rte = Tasks.named("rte");
    for (List<String> seconds : List.of(List.of("x"), List.of("x", "y", "z"))) {
      assertThrows(HoldfastException.class, () -> Dataset.ofTexts(rte, List.of("a", "b"), seconds));
    }
    List<String> nothing = new ArrayList<>();
    nothing.add(null);
    assertThrows(HoldfastException.class, () -> Dataset.ofTexts(rte, List.of("a"), nothing));
    assertThrows(HoldfastException.class, () -> Dataset.ofTexts(rte, nothing, null));
  }
}
