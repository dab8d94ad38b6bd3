package io.holdfast.model.files;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import io.holdfast.kernels.HoldfastException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** Feeds a reader with damaged files: it may accept or refuse each, and do nothing else. */
public final class Mutations {

  private static final long MAX_NANOS = 2_000_000_000L;
  private static final long MAX_ALLOCATED = 64 << 20;

  /** What breaks readers that count. */
  private static final List<String> PIECES =
      List.of(
          "-1",
          "0",
          "2147483647",
          "4294967296",
          "9223372036854775807",
          "99999999999999999999",
          "1e999",
          "null",
          "{",
          "}",
          "[",
          "]",
          "\"",
          ":",
          ",",
          "\\u0000",
          "\\ud800",
          "[[[[[[[[");

  private Mutations() {}

  /**
   * Runs {@code reader} on {@code count} mutants of {@code seed}. Fails on any exception but {@link
   * HoldfastException} of kind MODEL_FILE with one line, on more than two seconds of processor
   * time, and on more than 64 MiB allocated; the message has the input.
   */
  public static void run(byte[] seed, int count, Consumer<byte[]> reader) {
    SplittableRandom random = new SplittableRandom(Arrays.hashCode(seed));
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    reader.accept(seed);
    int refused = 0;
    for (int i = 0; i < count; i++) {
      byte[] mutant = mutate(seed, random);
      long allocated = thread.getCurrentThreadAllocatedBytes();
      long start = thread.getCurrentThreadCpuTime();
      try {
        reader.accept(mutant);
      } catch (HoldfastException e) {
        refused++;
        boolean declared =
            e.kind() == HoldfastException.Kind.MODEL_FILE && !e.getMessage().contains("\n");
        assertTrue(declared, () -> e.getMessage() + show(mutant));
      } catch (RuntimeException | Error e) {
        fail("mutant " + i + " gave " + e + show(mutant), e);
      }
      long nanos = thread.getCurrentThreadCpuTime() - start;
      long bytes = thread.getCurrentThreadAllocatedBytes() - allocated;
      assertTrue(nanos < MAX_NANOS, () -> nanos + " ns" + show(mutant));
      assertTrue(bytes < MAX_ALLOCATED, () -> bytes + " bytes allocated" + show(mutant));
    }
    int finalRefused = refused;
    assertTrue(refused > count / 4, () -> "only " + finalRefused + " of " + count + " refused");
  }

  private static String show(byte[] input) {
    return " for " + HexFormat.of().formatHex(input);
  }

  private static byte[] mutate(byte[] seed, SplittableRandom random) {
    byte[] bytes = seed;
    int rounds = 1 + random.nextInt(3);
    for (int i = 0; i < rounds; i++) {
      bytes = step(bytes, random);
    }
    return bytes;
  }

  private static byte[] step(byte[] in, SplittableRandom random) {
    int at = random.nextInt(in.length + 1);
    int length = Math.min(in.length - at, 1 + random.nextInt(8));
    byte[] piece =
        switch (random.nextInt(7)) {
          case 0 -> new byte[0]; // delete
          case 1 -> flipBit(in, at, length, random);
          case 2 -> randomBytes(random, length);
          case 3 -> randomBytes(random, length + 1 + random.nextInt(8)); // insert
          case 4 -> in.length == 0 ? in : slice(in, random); // copy from elsewhere
          case 5 -> PIECES.get(random.nextInt(PIECES.size())).getBytes(StandardCharsets.UTF_8);
          default -> null; // cut off
        };
    if (piece == null) {
      return Arrays.copyOf(in, at);
    }
    byte[] out = new byte[in.length - length + piece.length];
    System.arraycopy(in, 0, out, 0, at);
    System.arraycopy(piece, 0, out, at, piece.length);
    System.arraycopy(in, at + length, out, at + piece.length, in.length - at - length);
    return out;
  }

  private static byte[] flipBit(byte[] in, int at, int length, SplittableRandom random) {
    byte[] piece = Arrays.copyOfRange(in, at, at + length);
    if (length > 0) {
      piece[random.nextInt(length)] ^= (byte) (1 << random.nextInt(8));
    }
    return piece;
  }

  private static byte[] randomBytes(SplittableRandom random, int length) {
    byte[] piece = new byte[length];
    random.nextBytes(piece);
    return piece;
  }

  private static byte[] slice(byte[] in, SplittableRandom random) {
    int from = random.nextInt(in.length);
    return Arrays.copyOfRange(in, from, Math.min(in.length, from + 1 + random.nextInt(32)));
  }
}
