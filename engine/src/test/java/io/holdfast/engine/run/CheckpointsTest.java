package io.holdfast.engine.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The checkpoint protocol under failures, crashes and rotation. */
class CheckpointsTest {

  private static final Path FOLDER = Path.of("/run");

  private static Map<String, AtomicFile.Content> files(int step) {
    Map<String, AtomicFile.Content> files = new LinkedHashMap<>();
    for (String name : List.of("model.safetensors", "optimizer.safetensors", "state.json")) {
      byte[] bytes = (name + " of " + step).repeat(50).getBytes(StandardCharsets.UTF_8);
      files.put(
          name,
          out -> {
            out.write(bytes, 0, 100);
            out.write(bytes, 100, bytes.length - 100);
          });
    }
    return files;
  }

  private static void checkSound(Checkpoints checkpoints, int step, String when) {
    assertTrue(checkpoints.steps().contains(step), when + ": " + checkpoints.steps());
    assertTrue(checkpoints.verify(step), when + ": checkpoint " + step + " is damaged");
  }

  /** Every operation of a save fails in turn, with the device full from then on. */
  @Test
  void aFailureAnywhereKeepsThePreviousCheckpoint() throws IOException {
    int operations = operationsOfASave();
    assertTrue(operations > 20, "operations: " + operations);
    for (int n = 1; n <= operations; n++) {
      for (boolean partial : new boolean[] {false, true}) {
        MemoryDisk disk = new MemoryDisk(FOLDER);
        Checkpoints checkpoints = new Checkpoints(FOLDER, disk, 1);
        checkpoints.save(1, 1, files(1));
        disk.failFrom(n, partial);
        HoldfastException full =
            assertThrows(HoldfastException.class, () -> checkpoints.save(2, 2, files(2)));
        assertEquals(HoldfastException.Kind.IO, full.kind());
        assertTrue(full.getMessage().contains("No space left"), full.getMessage());
        checkAfterTrouble(disk, "failure at operation " + n);
      }
    }
  }

  /** Power fails at every operation of a save, with and without what was not synced. */
  @Test
  void aCrashAnywhereLeavesACompleteCheckpoint() throws IOException {
    int operations = operationsOfASave();
    for (int n = 1; n <= operations + 1; n++) {
      for (boolean keepsUnsynced : new boolean[] {false, true}) {
        MemoryDisk disk = new MemoryDisk(FOLDER);
        Checkpoints checkpoints = new Checkpoints(FOLDER, disk, 1);
        checkpoints.save(1, 1, files(1));
        disk.failFrom(n, true);
        if (n <= operations) {
          assertThrows(HoldfastException.class, () -> checkpoints.save(2, 2, files(2)));
        } else {
          checkpoints.save(2, 2, files(2));
        }
        disk.crash(keepsUnsynced);
        checkAfterTrouble(disk, "crash at operation " + n);
      }
    }
  }

  private static int operationsOfASave() {
    MemoryDisk disk = new MemoryDisk(FOLDER);
    Checkpoints checkpoints = new Checkpoints(FOLDER, disk, 1);
    checkpoints.save(1, 1, files(1));
    int before = disk.operations();
    checkpoints.save(2, 2, files(2));
    return disk.operations() - before;
  }

  /** Starting again: what is there is sound, and the save can be done again. */
  private static void checkAfterTrouble(MemoryDisk disk, String when) throws IOException {
    disk.heal();
    Checkpoints again = new Checkpoints(FOLDER, disk, 1);
    again.clean();
    List<Integer> steps = again.steps();
    assertFalse(steps.isEmpty(), when);
    checkSound(again, steps.get(0), when);
    again.save(2, 2, files(2));
    assertEquals(List.of(2), again.steps(), when);
    checkSound(again, 2, when);
    assertEquals(2, pointer(disk, "best"));
    assertEquals(2, pointer(disk, "last"));
    assertEquals(List.of("best", "checkpoint-2", "last"), disk.list(FOLDER), when);
  }

  /** 10,000 random sequences of saves, new bests, failures and restarts, against a plain model. */
  @Test
  void rotationNeverLosesLastOrBest() throws IOException {
    SplittableRandom random = new SplittableRandom(17);
    for (int sequence = 0; sequence < 10_000; sequence++) {
      int limit = random.nextInt(4);
      MemoryDisk disk = new MemoryDisk(FOLDER);
      Checkpoints checkpoints = new Checkpoints(FOLDER, disk, limit);
      TreeSet<Integer> model = new TreeSet<>();
      int step = 0;
      int best = 0;
      int events = 1 + random.nextInt(5);
      for (int e = 0; e < events; e++) {
        step += 1 + random.nextInt(5);
        int newBest = random.nextInt(3) == 0 || best == 0 ? step : best;
        if (random.nextInt(6) == 0) {
          disk.failFrom(1 + random.nextInt(20), random.nextBoolean());
          assertThrows(HoldfastException.class, () -> save(checkpoints, 1_000_000));
          disk.crash(random.nextBoolean());
          checkpoints.clean();
          checkpoints.steps().stream().filter(s -> s == 1_000_000).forEach(checkpoints::discard);
        }
        best = newBest;
        checkpoints.save(step, best, files(step));
        model.add(step);
        rotate(model, limit, best);
        assertEquals(List.copyOf(model.descendingSet()), checkpoints.steps());
        assertEquals(step, pointer(disk, "last"));
        assertEquals(best, pointer(disk, "best"));
      }
      checkSound(checkpoints, step, "last");
      checkSound(checkpoints, best, "best");
    }
  }

  /** The step that a pointer file names. */
  private static int pointer(MemoryDisk disk, String name) throws IOException {
    try (InputStream in = disk.open(FOLDER.resolve(name))) {
      String target = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(target.matches("checkpoint-\\d+\n"), target);
      return Integer.parseInt(target.strip().substring("checkpoint-".length()));
    }
  }

  private static void save(Checkpoints checkpoints, int step) {
    checkpoints.save(step, 0, files(step));
  }

  private static void rotate(TreeSet<Integer> model, int limit, int best) {
    int newest = 0;
    for (int step : List.copyOf(model.descendingSet())) {
      boolean keep = limit == 0 || newest < Math.max(1, limit) || step == best;
      newest++;
      if (!keep) {
        model.remove(step);
      }
    }
  }

  @Test
  void damageIsFound(@TempDir Path folder) throws IOException {
    Checkpoints checkpoints = new Checkpoints(folder, Disk.REAL, 0);
    for (int step = 1; step <= 4; step++) {
      checkpoints.save(step, 1, files(step));
    }
    assertEquals(List.of(4, 3, 2, 1), checkpoints.steps());
    Path model = checkpoints.path(4).resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(model);
    bytes[7] ^= 1;
    Files.write(model, bytes);
    assertFalse(checkpoints.verify(4));
    Files.write(checkpoints.path(3).resolve("state.json"), new byte[] {1});
    Files.delete(checkpoints.path(2).resolve("MANIFEST.json"));
    Files.createDirectories(folder.resolve("checkpoint-9.tmp"));
    assertEquals(List.of(4, 1), checkpoints.steps());
    checkpoints.clean();
    assertEquals(List.of("best", "checkpoint-1", "checkpoint-4", "last"), Disk.REAL.list(folder));
    assertTrue(checkpoints.verify(1));
  }

  /** It is not deleted for that. */
  @Test
  void whatCannotBeReadIsNotTakenForDamaged(@TempDir Path folder) throws IOException {
    new Checkpoints(folder, Disk.REAL, 0).save(1, 1, files(1));
    Disk failing =
        (Disk)
            Proxy.newProxyInstance(
                Disk.class.getClassLoader(),
                new Class<?>[] {Disk.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("open")
                      && !arguments[0].toString().endsWith("json")) {
                    throw new IOException("Input/output error");
                  }
                  return method.invoke(Disk.REAL, arguments);
                });
    Checkpoints checkpoints = new Checkpoints(folder, failing, 0);
    assertEquals(List.of(1), checkpoints.steps());
    HoldfastException e = assertThrows(HoldfastException.class, () -> checkpoints.verify(1));
    assertEquals(HoldfastException.Kind.IO, e.kind());
    assertTrue(e.getMessage().contains("Input/output error"), e.getMessage());
  }

  @Test
  void namesThatLeaveTheFolderAreRefused(@TempDir Path folder) throws IOException {
    Checkpoints checkpoints = new Checkpoints(folder, Disk.REAL, 0);
    checkpoints.save(1, 0, files(1));
    Path manifest = checkpoints.path(1).resolve("MANIFEST.json");
    String sound = Files.readString(manifest);
    Files.writeString(folder.resolve("outside"), "x");
    for (String name : List.of("../outside", "/etc/passwd", "a/b", "..")) {
      Files.writeString(manifest, sound.replace("state.json", name));
      assertEquals(List.of(), checkpoints.steps(), name);
    }
    for (String broken : List.of("", "[]", "{\"files\":{}}", "{\"files\":3}", "{")) {
      Files.writeString(manifest, broken);
      assertEquals(List.of(), checkpoints.steps(), broken);
    }
    Files.writeString(manifest, sound);
    Path state = checkpoints.path(1).resolve("state.json");
    Files.delete(state);
    Files.createSymbolicLink(state, folder.resolve("outside"));
    assertEquals(List.of(), checkpoints.steps(), "a link");
  }
}
