package io.holdfast.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each file is refused with one line that names the place and the remedy. */
class MalformedFilesTest {

  @TempDir Path folder;

  private static final Columns PAIR = Columns.named("a", "b", "y");
  private static final Columns SINGLE = Columns.named("a", null, "y");

  /** A file and the message it must cause; {@code task} is a GLUE name, "pair" or "single". */
  private record Case(String task, String name, byte[] bytes, String message) {
    @Override
    public String toString() {
      return task + " " + name + " " + message;
    }
  }

  private static Case of(String task, String name, String text, String message) {
    return new Case(task, name, text.getBytes(StandardCharsets.UTF_8), message);
  }

  private static Case raw(String task, String name, String message, Object... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Object part : parts) {
      if (part instanceof String text) {
        out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
      } else {
        out.write((Integer) part);
      }
    }
    return new Case(task, name, out.toByteArray(), message);
  }

  private static Stream<Case> files() {
    return Stream.of(encodings(), shapes(), labels(), csv(), json()).flatMap(List::stream);
  }

  private static List<Case> encodings() {
    String head = "sentence\tlabel\n";
    String utf8 = "not valid UTF-8; convert the file to UTF-8";
    String nul = "NUL character; is this a text file?";
    return List.of(
        raw("sst2", "t.tsv", ":2:4: " + utf8, head, "caf", 0xE9, "\t1\n"),
        raw("sst2", "t.tsv", ":3:1: " + utf8, head, "good\t1\n", 0x80, "bad\t0\n"),
        raw("sst2", "t.tsv", ":2:3: " + utf8, head, "ab", 0xED, 0xA0, 0x80, "\t1\n"),
        raw("sst2", "t.tsv", ":2:2: " + utf8, head, "a", 0xC0, 0xAF, "\t1\n"),
        raw("sst2", "t.tsv", ":2:4: " + utf8, head, "a\t1", 0xE2, 0x82),
        raw("sst2", "t.tsv", ":1:1: UTF-16 text; convert the file to UTF-8", 0xFF, 0xFE, "s", 0),
        raw("sst2", "t.tsv", ":1:1: UTF-16 text; convert the file to UTF-8", 0xFE, 0xFF, 0, "s"),
        raw("sst2", "t.tsv", ":2:3: " + nul, head, "ab", 0, "c\t1\n"),
        raw("sst2", "t.tsv", ":1:1: " + nul, 0, 0, 0, 0),
        raw("pair", "t.csv", ":2:5: " + nul, "a,b,y\n", "u,\"v", 0, "\",1\n"));
  }

  private static List<Case> shapes() {
    return List.of(
        of("sst2", "t.tsv", "", ": the file is empty"),
        of("sst2", "t.tsv", "\n\n", ": the file is empty"),
        of("sst2", "t.tsv", "\uFEFF", ": the file is empty"),
        of("sst2", "t.tsv", "sentence\tlabel\n", ": the file has no rows"),
        of("sst2", "t.tsv", "sentence\tlabel\n\n\n", ": the file has no rows"),
        of("cola", "t.tsv", "sentence\tlabel\n", ": the file has no rows"),
        of(
            "sst2",
            "t.tsv",
            "text\tlabel\ngood\t1\n",
            ":1: no column 'sentence'; the header has 'text', 'label'"),
        of(
            "sst2",
            "t.tsv",
            "sentence,label\ngood,1\n",
            ":1: no column 'sentence'; the header has 'sentence,label'"),
        of(
            "sst2",
            "t.tsv",
            "good\t1\nbad\t0\n",
            ":1: no column 'sentence'; the header has 'good', '1'"),
        of(
            "rte",
            "t.tsv",
            "index\tsentence1\tsentence2\n0\tu\tv\n",
            ":1: no column 'label'; the header has 'index', 'sentence1', 'sentence2'"),
        of(
            "rte",
            "t.tsv",
            "sentence1\tsentence1\tsentence2\tlabel\nt\tu\tv\tentailment\n",
            ":1:11: column 'sentence1' is there twice; rename one"),
        of(
            "sst2",
            "t.tsv",
            "sentence\tlabel\ngood\t1\nbad\n",
            ":3: row has 1 fields where the others have 2"),
        of(
            "sst2",
            "t.tsv",
            "sentence\tlabel\ngood\t1\tx\n",
            ":2: row has 3 fields where the others have 2"),
        of(
            "sst2",
            "t.tsv",
            "sentence\tlabel\ngood\t1\n\nbad\t0\n",
            ":3: blank line between rows; remove it"),
        of(
            "cola",
            "t.tsv",
            "gj04 1  Sailors rode.\n",
            ":1: row has 1 fields, the task's files have 4; is it tab-separated?"),
        of(
            "cola",
            "t.tsv",
            "gj04\t1\t\tSailors rode.\ngj04\t1\tThey rode.\n",
            ":2: row has 3 fields where the others have 4"),
        of(
            "sst2",
            "t.tsv",
            "sentence\tlabel\n  \t1\n",
            ":2:1: empty text in column 'sentence'; fill or remove it"),
        of(
            "rte",
            "t.tsv",
            "index\tsentence1\tsentence2\tlabel\n0\tu\t\tentailment\n",
            ":2:5: empty text in column 'sentence2'; fill or remove it"),
        of(
            "qqp",
            "t.tsv",
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\t\t \t0\n",
            ":2:7: empty text in column 'question1'; fill or remove it"),
        of(
            "qqp",
            "t.tsv",
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\twhy\n",
            ": the file has no rows"),
        raw(
            "sst2",
            "t.tsv",
            ":2: line longer than 1048576 bytes; is this a text file of rows?",
            "sentence\tlabel\n",
            "ten chars ".repeat(1_048_576),
            "\t1\n"),
        raw(
            "single",
            "t.jsonl",
            ":1: line longer than 1048576 bytes; is this a text file of rows?",
            "[".repeat(10_485_760)));
  }

  private static List<Case> labels() {
    String stsb =
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
            + "0\tg\tf\t2012\t1\tn\tn\tu\tv\t";
    return List.of(
        of(
            "sst2",
            "t.tsv",
            "sentence\tlabel\ngood\t-1\n",
            ":2:6: unknown label '-1'; task sst2 has '0', '1'"),
        of(
            "sst2",
            "t.tsv",
            "sentence\tlabel\ngood\t99\n",
            ":2:6: unknown label '99'; task sst2 has '0', '1'"),
        of(
            "sst2",
            "t.tsv",
            "sentence\tlabel\ngood\t\n",
            ":2:6: unknown label ''; task sst2 has '0', '1'"),
        of(
            "cola",
            "t.tsv",
            "gj04\t2\t*\tSailors rode.\n",
            ":1:6: unknown label '2'; task cola has '0', '1'"),
        of(
            "mnli",
            "t.tsv",
            "sentence1\tsentence2\tgold_label\nu\tv\t-\n",
            ":2:5: unknown label '-'; task mnli has 'entailment', 'neutral', 'contradiction'"),
        of(
            "rte",
            "t.tsv",
            "index\tsentence1\tsentence2\tlabel\n0\tu\tv\tEntailment\n",
            ":2:7: unknown label 'Entailment'; task rte has 'entailment', 'not_entailment'"),
        of(
            "sst2",
            "t.tsv",
            "sentence\tlabel\ngood\t" + "1".repeat(80) + "\n",
            ":2:6: unknown label '" + "1".repeat(60) + "…'; task sst2 has '0', '1'"),
        of("stsb", "t.tsv", stsb + "NaN\n", ":2:22: target 'NaN' is not a finite number"),
        of("stsb", "t.tsv", stsb + "Infinity\n", ":2:22: target 'Infinity' is not a finite number"),
        of("stsb", "t.tsv", stsb + "1e39\n", ":2:22: target '1e39' is not a finite number"),
        of("stsb", "t.tsv", stsb + "3,5\n", ":2:22: target '3,5' is not a finite number"),
        of("stsb", "t.tsv", stsb + "4.0f\n", ":2:22: target '4.0f' is not a finite number"),
        of("stsb", "t.tsv", stsb + "\n", ":2:22: target '' is not a finite number"));
  }

  private static List<Case> csv() {
    String head = "a,b,y\nu,v,0\n";
    return List.of(
        of("pair", "t.csv", head + "u,\"v,1\n", ":3:3: quote is opened here and never closed"),
        of("pair", "t.csv", head + "u,\"v\nw\nx", ":3:3: quote is opened here and never closed"),
        of(
            "pair",
            "t.csv",
            head + "u,\"v\"w,1\n",
            ":3:6: text after a closing quote; double quotes within a field"),
        of(
            "pair",
            "t.csv",
            head + "u,5\" wide,1\n",
            ":3:4: quote within an unquoted field; put the field in quotes and double the quote"),
        of("pair", "t.csv", head + "\"u\nu\",v\n", ":3: row has 2 fields where the others have 3"),
        of("pair", "t.csv", "a;b;y\nu;v;0\n", ":1: no column 'a'; the header has 'a;b;y'"),
        of(
            "pair",
            "t.csv",
            "a,b,y\nu,v,1\nu,v,1\n",
            ": column 'y' has the one label '1'; a task needs two or more"),
        of("pair", "t.csv", "a,b,y\nu,v,1\nu,v,\n", ":3:5: no label; give every row one"),
        of("pair", "t.csv", "a,b,y\n", ": the file has no rows"),
        of("pair", "t.csv", "a,b,y\ru,v,1\r", ":1:6: a line end of CR alone; convert them to LF"),
        of(
            "pair",
            "t.csv",
            "a,b,y\nu,v,1.5\nu,v,2.5\nu,v,nan\n",
            ":4:5: label 'nan' among numbers: mend it, or give classes names that are no numbers"),
        of("pair", "t.xlsx", "a,b,y\nu,v,1\n", ": unknown format; name it .tsv, .csv or .jsonl"));
  }

  private static List<Case> json() {
    return List.of(
        of("single", "t.jsonl", "", ": the file is empty"),
        of(
            "single",
            "t.jsonl",
            "[{\"a\":\"u\",\"y\":1}]\n",
            ":1:1: not a JSON object; write one object a line"),
        of(
            "single",
            "t.jsonl",
            "{\"a\":\"u\",\"y\":1}\n{\"b\":\"u\",\"y\":1}\n",
            ":2: no key 'a'; the object has 'b', 'y'"),
        of(
            "single",
            "t.jsonl",
            "[".repeat(5000),
            ":1: not a JSON object on one line: Document nesting depth (1001) exceeds the maximum"
                + " allowed (1000, from `StreamReadConstraints.getMaxNestingDepth()`)"),
        of("single", "t.jsonl", "{\"a\":\"u\"}\n", ":1: no key 'y'; the object has 'a'"),
        of("single", "t.jsonl", "{\"a\":null,\"y\":1}\n", ":1: 'a' is of type null, not a string"),
        of("single", "t.jsonl", "{\"a\":[1],\"y\":1}\n", ":1: 'a' is of type array, not a string"),
        of(
            "single",
            "t.jsonl",
            "{\"a\":\"u\",\"y\":{}}\n",
            ":1: 'y' is of type object, not a string or number"),
        of(
            "single",
            "t.jsonl",
            "{\"a\":\"\\u0000\",\"y\":1}\n",
            ":1: 'a' has a NUL or half a surrogate pair"),
        of(
            "single",
            "t.jsonl",
            "{\"a\":\"\\ud800\",\"y\":1}\n",
            ":1: 'a' has a NUL or half a surrogate pair"),
        of(
            "single",
            "t.jsonl",
            "{\"a\":\"\",\"y\":1}\n{\"a\":\"u\",\"y\":2}\n",
            ":1: empty text in column 'a'; fill or remove it"));
  }

  @ParameterizedTest
  @MethodSource("files")
  void isRefusedWithItsPlace(Case c) throws IOException {
    Path file = Files.write(folder.resolve(c.name()), c.bytes());
    HoldfastException e = assertThrows(HoldfastException.class, () -> read(c.task(), file));
    assertEquals(HoldfastException.Kind.DATA, e.kind());
    assertEquals(file + c.message(), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  /** The parser words these; place and kind are ours. */
  @ParameterizedTest
  @MethodSource("brokenJson")
  void brokenJsonIsRefusedWithItsColumn(String line, int column) throws IOException {
    Path file = folder.resolve("t.jsonl");
    Files.writeString(file, "{\"a\":\"u\",\"y\":1}\n" + line + "\n");
    HoldfastException e = assertThrows(HoldfastException.class, () -> read("single", file));
    assertEquals(HoldfastException.Kind.DATA, e.kind());
    String start = file + ":2:" + column + ": not a JSON object on one line: ";
    assertEquals(
        start, e.getMessage().substring(0, Math.min(start.length(), e.getMessage().length())));
    assertEquals(1, e.getMessage().lines().count());
  }

  private static Stream<Arguments> brokenJson() {
    return Stream.of(
        Arguments.of("{\"a\":\"u\",\"y\":1", 15),
        Arguments.of("{\"a\":\"u\",\"y\":NaN}", 17),
        Arguments.of("{\"a\":\"u\",\"a\":\"v\",\"y\":1}", 13),
        Arguments.of("{\"a\":\"u\",\"y\":1} {}", 17),
        Arguments.of("{'a':'u','y':1}", 2));
  }

  @Test
  void aMissingFileAndAFolderAreRefused() {
    Path missing = folder.resolve("no.tsv");
    HoldfastException e = assertThrows(HoldfastException.class, () -> read("sst2", missing));
    assertEquals(missing + ": does not exist; check the path", e.getMessage());
    e = assertThrows(HoldfastException.class, () -> read("sst2", folder));
    assertEquals(folder + ": is not a file; check the path", e.getMessage());
    e = assertThrows(HoldfastException.class, () -> Tasks.file("mnli", folder, Split.DEV));
    assertEquals(
        folder + " has no dev_matched.tsv or dev.tsv: give the folder with the files of task mnli",
        e.getMessage());
    assertEquals(HoldfastException.Kind.DATA, e.kind());
  }

  @Test
  void moreThanAThousandLabelsAreNotClasses() throws IOException {
    StringBuilder text = new StringBuilder("a\ty\n");
    for (int i = 0; i < 1001; i++) {
      text.append("u\tname").append(i).append('\n');
    }
    Path file = Files.writeString(folder.resolve("t.tsv"), text);
    HoldfastException e = assertThrows(HoldfastException.class, () -> read("single", file));
    assertEquals(
        file
            + ": column 'y' has more than 1000 labels; is it the label? A number needs --regression",
        e.getMessage());
  }

  @Test
  void thereAreAtLeastFortyFiles() {
    List<Case> all = new ArrayList<>(files().toList());
    assertEquals(
        all.size(),
        all.stream().map(c -> c.name() + Arrays.hashCode(c.bytes()) + c.task()).distinct().count());
    assertTrue(all.size() >= 60, "files: " + all.size());
  }

  private static Dataset read(String name, Path file) {
    Task task =
        switch (name) {
          case "pair" -> Tasks.custom("own", PAIR, null, file);
          case "single" -> Tasks.custom("own", SINGLE, null, file);
          default -> Tasks.named(name);
        };
    return DatasetReader.read(task, file, true, 0);
  }
}
