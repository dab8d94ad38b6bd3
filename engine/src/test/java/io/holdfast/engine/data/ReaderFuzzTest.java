package io.holdfast.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever the bytes, a file is read or refused as bad data. */
class ReaderFuzzTest {

  private static final int ROUNDS = 600;
  private static final byte[] AWKWARD =
      "\t\n\r\",{}[]:\\\0\u0001 -9eN".getBytes(StandardCharsets.UTF_8);

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "t.tsv  | a\\tb\\ty\\nu v\\tw\\t0\\nü \"x\\ty\\t1\\nu\\tv\\t0.5\\n",
        "t.csv  | a,b,y\\n\"u, \"\"v\"\"\",w,0\\nx,\"y\\nz\",1\\nu,v,no\\n",
        "t.jsonl| {\"a\":\"u\",\"b\":\"v\",\"y\":0}\\n{\"a\":\"\\u00fc\",\"b\":\"w\",\"y\":\"1\"}\\n",
      })
  void mutatedFilesAreReadOrRefused(String name, String text) throws IOException {
    byte[] seed = text.replace("\\n", "\n").replace("\\t", "\t").getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve(name.strip());
    Random random = new Random(name.hashCode());
    Columns columns = Columns.named("a", "b", "y");
    int accepted = 0;
    for (int round = 0; round < ROUNDS; round++) {
      Files.write(file, round == 0 ? seed : mutate(seed, random));
      try {
        Task task = Tasks.custom("own", columns, null, file);
        accepted += DatasetReader.read(task, file, true, 0).size() > 0 ? 1 : 0;
      } catch (HoldfastException e) {
        assertEquals(HoldfastException.Kind.DATA, e.kind());
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
        assertTrue(round > 0, e.getMessage());
      }
    }
    assertTrue(accepted > ROUNDS / 50 && accepted < ROUNDS, accepted + " accepted");
  }

  private static byte[] mutate(byte[] seed, Random random) {
    byte[] bytes = seed.clone();
    for (int i = random.nextInt(4); i >= 0; i--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(4)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes[at] = AWKWARD[random.nextInt(AWKWARD.length)];
        case 2 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
        default -> {
          byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
          System.arraycopy(bytes, at, longer, at + 1, bytes.length - at);
          bytes = longer;
        }
      }
    }
    return bytes;
  }
}
