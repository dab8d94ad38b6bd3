package io.holdfast.engine.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.HoldfastException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whose a folder is, and what a failed write leaves. */
class RunFolderTest {

  @TempDir Path folder;

  @Test
  void oneOwnerAtATime() {
    try (RunFolder first = RunFolder.claim(folder.resolve("out"))) {
      HoldfastException e =
          assertThrows(HoldfastException.class, () -> RunFolder.claim(first.path()));
      assertEquals(Kind.USAGE, e.kind());
      assertTrue(e.getMessage().contains("is being written by another process"), e.getMessage());
    }
    RunFolder.claim(folder.resolve("out")).close();
  }

  @Test
  void aFailedFirstWriteLeavesAFolderThatCanBeClaimed() throws IOException {
    Path out = folder.resolve("out");
    Path inTheWay = out.resolve("run.json/x");
    try (RunFolder run = RunFolder.claim(out)) {
      Files.createDirectories(inTheWay);
      HoldfastException e =
          assertThrows(HoldfastException.class, () -> run.writeRun(Json.object()));
      assertEquals(Kind.IO, e.kind());
    }
    assertFalse(Files.exists(out.resolve("run.json.tmp")));
    Files.delete(inTheWay);
    Files.delete(out.resolve("run.json"));
    RunFolder.claim(out).close();
  }
}
