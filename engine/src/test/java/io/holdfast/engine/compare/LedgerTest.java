package io.holdfast.engine.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerTest {

  private static final RunResult FIRST = Results.of("r3f", 1, 0.75, "learning_rate", "5.0E-5");
  private static final RunResult DIVERGED =
      Results.of(RunResult.DIVERGED, "r3f", 2, Double.NaN, Double.NaN);

  @TempDir Path folder;

  private Path write(RunResult... results) {
    Path file = folder.resolve(Ledger.NAME);
    try (Ledger ledger = new Ledger(file)) {
      List.of(results).forEach(ledger::append);
    }
    return file;
  }

  @Test
  void linesComeBackAsTheyWere() throws IOException {
    Path file = write(FIRST, DIVERGED);
    assertEquals(List.of(FIRST, DIVERGED), Ledger.read(file));
    assertEquals(2, Files.readAllLines(file).size());
    assertTrue(Files.readAllLines(file).get(1).contains("\"score\":\"NaN\""));
  }

  /** A crash can leave any part of the last line: all of them count as no line. */
  @Test
  void everyTornLineIsDroppedAndTheNextOneIsWhole() throws IOException {
    Path file = write(FIRST, DIVERGED);
    byte[] bytes = Files.readAllBytes(file);
    int first = new String(bytes).indexOf('\n') + 1;
    for (int length = first; length < bytes.length; length += 7) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertEquals(List.of(FIRST), Ledger.read(file));
      write(DIVERGED);
      assertEquals(new String(bytes), Files.readString(file));
    }
  }

  @Test
  void aLineThatIsNoResultIsNamed() throws IOException {
    Path file = write(FIRST);
    String first = Files.readAllLines(file).get(0);
    for (String line :
        List.of(
            "{\"run\": 3}",
            "{}",
            "[1]",
            "{\"run\":\"a\",\"steps\":\"b\"}",
            "",
            first.replaceFirst("\"curve\":\\[.*?\\],", ""),
            first.replaceFirst("\"seed\":\"1\",", ""))) {
      assertNotEquals(first, line);
      Files.writeString(file, first + "\n" + line + "\n");
      String said = assertThrows(HoldfastException.class, () -> Ledger.read(file)).getMessage();
      assertTrue(said.startsWith(file + ":2: not the result of a run"), said);
      assertEquals(1, said.lines().count(), said);
    }
  }
}
