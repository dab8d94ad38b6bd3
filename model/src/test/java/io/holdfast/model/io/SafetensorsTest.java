package io.holdfast.model.io;

import static io.holdfast.model.io.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {

  @TempDir Path folder;

  /** A file of that header and that many bytes of data. */
  static byte[] bytes(String header, int dataBytes) {
    return bytes(header.getBytes(StandardCharsets.UTF_8), new byte[dataBytes]);
  }

  static byte[] bytes(byte[] header, byte[] data) {
    return ByteBuffer.allocate(8 + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(data)
        .array();
  }

  private static String tensor(String name, String dtype, String shape, long begin, long end) {
    return String.format(
        "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}",
        name, dtype, shape, begin, end);
  }

  private static void refused(byte[] file, String defect) {
    assertRefused(() -> new Safetensors(MemoryChannel.file(file)), "weights", defect);
  }

  private static void refused(String header, int dataBytes, String defect) {
    refused(bytes(header, dataBytes), defect);
  }

  // ---- reading ----

  @Test
  void convertsEveryRealTypeToFp32() {
    ByteBuffer data = ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN);
    data.putFloat(1.5f).putFloat(-2f); // F32
    data.putDouble(0.1); // F64
    data.putShort((short) 0x3FC0).putShort((short) 0xC000); // BF16: 1.5, -2
    data.putShort((short) 0x3C00).putShort((short) 0xFBFF); // F16: 1, -65504
    data.putShort((short) 0x0001).putShort((short) 0x7C00); // F16: 2^-24, infinity
    String header =
        "{"
            + String.join(
                ",",
                tensor("f32", "F32", "[2]", 0, 8),
                tensor("f64", "F64", "[1,1]", 8, 16),
                tensor("bf16", "BF16", "[2]", 16, 20),
                tensor("f16", "F16", "[2,2]", 20, 28))
            + "}  ";
    byte[] file = bytes(header.getBytes(StandardCharsets.UTF_8), data.array());
    try (Safetensors t = new Safetensors(MemoryChannel.file(file))) {
      assertEquals(List.of("f32", "f64", "bf16", "f16"), List.copyOf(t.shapes().keySet()));
      assertArrayEquals(new int[] {2, 2}, t.shapes().get("f16"));
      assertArrayEquals(new float[] {1.5f, -2f}, t.read("f32"));
      assertArrayEquals(new float[] {0.1f}, t.read("f64"));
      assertArrayEquals(new float[] {1.5f, -2f}, t.read("bf16"));
      assertArrayEquals(
          new float[] {1f, -65504f, 0x1p-24f, Float.POSITIVE_INFINITY}, t.read("f16"));
    }
  }

  @Test
  void listsWholeNumbersButDoesNotReadThemAsReal() {
    byte[] file = bytes("{" + tensor("position_ids", "I64", "[1,3]", 0, 24) + "}", 24);
    try (Safetensors t = new Safetensors(MemoryChannel.file(file))) {
      assertArrayEquals(new int[] {1, 3}, t.shapes().get("position_ids"));
      assertRefused(() -> t.read("position_ids"), "position_ids", "I64");
      assertRefused(() -> t.read("other"), "no tensor 'other'");
    }
  }

  @Test
  void readsEmptyTensorsAndScalars() {
    String header =
        "{" + tensor("a", "F32", "[0,7]", 0, 0) + "," + tensor("b", "F32", "[]", 0, 4) + "}";
    try (Safetensors t = new Safetensors(MemoryChannel.file(bytes(header, 4)))) {
      assertEquals(0, t.read("a").length);
      assertArrayEquals(new float[1], t.read("b"));
    }
  }

  // ---- every defect of the format's own list ----

  @Test
  void headerTooSmall() {
    refused(new byte[0], "header too small");
    refused(new byte[7], "header too small");
  }

  @Test
  void headerOfALongNameAndManySizesIsRefusedAtOnce() {
    String sizes = "1,".repeat(249_999) + "1";
    long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    refused(
        "{" + tensor("n".repeat(500_000), "F32", "[" + sizes + "]", 0, 4) + "}",
        4,
        "too long a name");
    refused("{" + tensor("a", "F32", "[" + sizes + "]", 0, 4) + "}", 4, "'a' has too long a shape");
    long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start;
    assertTrue(cpu < 2_000_000_000L, cpu + " ns");
  }

  @ParameterizedTest
  @CsvSource({"100000001", "9223372036854775807", "-1", "-9223372036854775808"})
  void headerTooLarge(long length) {
    byte[] file = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
    refused(file, "header too large");
  }

  @Test
  void headerLengthBeyondTheFile() {
    byte[] file = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putLong(57).array();
    refused(file, "goes beyond the file");
  }

  @Test
  void headerNotUtf8() {
    refused(bytes(new byte[] {'{', '"', (byte) 0xC3, '"', '}'}, new byte[0]), "not UTF-8");
  }

  @Test
  void headerNotJson() {
    refused("", 0, "does not begin with '{'");
    refused(" {}", 0, "does not begin with '{'");
    refused("{", 0, "not valid JSON");
    refused("{\"a\"}", 0, "not valid JSON");
    refused("{}{}", 0, "more than one JSON value");
    refused("{\"a\":[1]}", 0, "'a' is not an object");
    refused("{" + "\"a\":{\"x\":[".repeat(200), 0, "not valid JSON");
  }

  @Test
  void duplicateKeys() {
    String a = tensor("a", "F32", "[1]", 0, 4);
    refused("{" + a + "," + a + "}", 4, "Duplicate field 'a'");
    refused(
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}",
        4,
        "Duplicate field 'dtype'");
  }

  @Test
  void metadataMustBeText() {
    refused("{\"__metadata__\":[]}", 0, "'__metadata__' is not an object");
    refused("{\"__metadata__\":{\"format\":1}}", 0, "'__metadata__' holds more than text");
  }

  @Test
  void incompleteTensor() {
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "lacks dtype, shape or data_offsets");
  }

  @Test
  void badDtype() {
    refused("{" + tensor("a", "F31", "[1]", 0, 4) + "}", 4, "unknown dtype 'F31'");
    refused("{\"a\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "bad dtype");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {"[-1]", "[1.0]", "[1e0]", "[\"1\"]", "[99999999999999999999]", "[null]", "[[1]]"})
  void badShape(String shape) {
    refused("{" + tensor("a", "F32", shape, 0, 4) + "}", 4, "something else than sizes");
  }

  @Test
  void shapeThatIsNoList() {
    refused("{" + tensor("a", "F32", "{}", 0, 4) + "}", 4, "needs a list as its shape");
  }

  @Test
  void sizeOverflow() {
    refused("{" + tensor("a", "F32", "[4294967296]", 0, 4) + "}", 4, "overflows");
    refused(
        "{" + tensor("a", "F64", "[2147483647,2147483647,2147483647]", 0, 4) + "}", 4, "overflows");
    refused("{" + tensor("a", "F32", "[9223372036854775807]", 0, 4) + "}", 4, "overflows");
  }

  @Test
  void badOffsets() {
    refused("{" + tensor("a", "F32", "[1]", 4, 0) + "}", 4, "bad offsets, 4 is beyond 0");
    refused("{" + tensor("a", "F32", "[2]", 0, 4) + "}", 4, "4 bytes where its shape");
    refused(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}",
        4,
        "two data_offsets");
    refused(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}",
        4,
        "something else than sizes");
  }

  @Test
  void misalignedSubByteTensor() {
    refused("{" + tensor("a", "F4", "[3]", 0, 2) + "}", 2, "does not end on a whole byte");
    try (Safetensors t =
        new Safetensors(MemoryChannel.file(bytes("{" + tensor("a", "F4", "[4]", 0, 2) + "}", 2)))) {
      assertArrayEquals(new int[] {4}, t.shapes().get("a"));
    }
  }

  @Test
  void holesAndOverlaps() {
    String a = tensor("a", "F32", "[1]", 0, 4);
    refused("{" + tensor("a", "F32", "[1]", 4, 8) + "}", 8, "begins at 4 where 0 was expected");
    refused("{" + a + "," + tensor("b", "F32", "[1]", 8, 12) + "}", 12, "a hole or an overlap");
    refused("{" + a + "," + tensor("b", "F32", "[1]", 0, 4) + "}", 4, "a hole or an overlap");
    refused("{" + a + "," + tensor("b", "F16", "[2]", 2, 6) + "}", 6, "a hole or an overlap");
  }

  @Test
  void uncoveredTailOrMissingData() {
    String header = "{" + tensor("a", "F32", "[2]", 0, 8) + "}";
    refused(header, 9, "the tail is not covered");
    refused(header, 7, "the file is cut short");
    refused("{}", 1, "the tail is not covered");
  }

  @Test
  void aNameFromTheFileCannotBreakTheLine() {
    refused("{\"a\\nb\":[]}", 0, "'a?b'");
    refused("{\"" + "x".repeat(100_000) + "\":[]}", 0, "xxx…");
  }

  @Test
  void aMissingFileAndAFolder() {
    assertRefused(() -> Safetensors.open(folder.resolve("none")), "none", "no such file");
    assertRefused(() -> Safetensors.open(folder), "folder");
  }

  // ---- writing ----

  @Test
  void writesTheBytesOfTheReferenceWriter() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Safetensors.write(
        file,
        Map.of("b", new int[] {2}, "a.é", new int[] {1, 1}),
        name -> name.equals("b") ? new float[] {1f, 2f} : new float[] {3f});
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + tensor("a.é", "F32", "[1,1]", 0, 4)
            + ","
            + tensor("b", "F32", "[2]", 4, 12)
            + "}";
    ByteArrayOutputStream padded = new ByteArrayOutputStream();
    padded.write(header.getBytes(StandardCharsets.UTF_8));
    while (padded.size() % 8 != 0) {
      padded.write(' ');
    }
    byte[] data =
        ByteBuffer.allocate(12)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putFloat(3f)
            .putFloat(1f)
            .putFloat(2f)
            .array();
    assertArrayEquals(bytes(padded.toByteArray(), data), Files.readAllBytes(file));
    try (Safetensors t = Safetensors.open(file)) {
      assertArrayEquals(new float[] {1f, 2f}, t.read("b"));
    }
    try (var files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList());
    }
  }

  @Test
  void longTensorsSurvive() {
    float[] values = new float[200_003];
    for (int i = 0; i < values.length; i++) {
      values[i] = i * 0.37f;
    }
    Path file = folder.resolve("long.safetensors");
    Safetensors.write(file, Map.of("x", new int[] {values.length}), name -> values);
    try (Safetensors t = Safetensors.open(file)) {
      assertArrayEquals(values, t.read("x"));
    }
  }

  // ---- shards ----

  private Path index(String weightMap) throws IOException {
    Path index = folder.resolve("in/model.safetensors.index.json");
    Files.createDirectories(index.getParent());
    Files.writeString(index, "{\"metadata\":{},\"weight_map\":" + weightMap + "}");
    return index;
  }

  private void shard(String name, String tensor, float value) {
    Safetensors.write(
        folder.resolve("in").resolve(name),
        Map.of(tensor, new int[] {1}),
        n -> new float[] {value});
  }

  @Test
  void readsShards() throws IOException {
    Path index = index("{\"x\":\"a.safetensors\",\"y\":\"b.safetensors\"}");
    shard("a.safetensors", "x", 1f);
    shard("b.safetensors", "y", 2f);
    try (ShardedSafetensors t = ShardedSafetensors.open(index)) {
      assertEquals(List.of("x", "y"), List.copyOf(t.shapes().keySet()));
      assertArrayEquals(new float[] {2f}, t.read("y"));
    }
  }

  @Test
  void theIndexNamesFilesBesideIt() throws IOException {
    Safetensors.write(
        folder.resolve("out.safetensors"), Map.of("x", new int[] {1}), n -> new float[1]);
    String absolute = folder.resolve("out.safetensors").toString();
    for (String name :
        List.of(
            "../out.safetensors",
            "in/../../out.safetensors",
            "..",
            ".",
            "",
            absolute,
            "a/",
            "a\\\\b",
            "a\\u0000",
            ".out.safetensors")) {
      Path index = index("{\"x\":\"" + name + "\"}");
      assertRefused(() -> ShardedSafetensors.open(index), "not a plain file name");
    }
  }

  /** Hugging Face's cache: snapshots/HASH has links to ../../blobs/HASH of the files. */
  @Test
  void shardsMayBeLinks() throws IOException {
    Path index = index("{\"x\":\"a.safetensors\",\"y\":\"b.safetensors\"}");
    shard("a.safetensors", "x", 1f);
    shard("b.safetensors", "y", 2f);
    Path blobs = Files.createDirectories(folder.resolve("blobs"));
    Path snapshot = Files.createDirectories(folder.resolve("snapshots/5f2c"));
    for (String name : List.of("a.safetensors", "b.safetensors", index.getFileName().toString())) {
      Files.move(index.resolveSibling(name), blobs.resolve("hash-of-" + name));
      Files.createSymbolicLink(snapshot.resolve(name), Path.of("../../blobs", "hash-of-" + name));
    }
    try (ShardedSafetensors t = ShardedSafetensors.open(snapshot.resolve(index.getFileName()))) {
      assertArrayEquals(new float[] {1f}, t.read("x"));
      assertArrayEquals(new float[] {2f}, t.read("y"));
    }
    Files.delete(blobs.resolve("hash-of-b.safetensors"));
    assertRefused(
        () -> ShardedSafetensors.open(snapshot.resolve(index.getFileName())),
        "'b.safetensors' is missing");
  }

  @Test
  void brokenIndex() throws IOException {
    shard("a.safetensors", "x", 1f);
    assertRefused(() -> ShardedSafetensors.open(index("{}")), "no weight_map");
    assertRefused(() -> ShardedSafetensors.open(index("{\"x\":1}")), "no file for 'x'");
    assertRefused(() -> ShardedSafetensors.open(index("{\"x\":\"b\"}")), "'b' is missing");
    assertRefused(
        () -> ShardedSafetensors.open(index("{\"z\":\"a.safetensors\"}")),
        "'z' is not in a.safetensors");
  }
}
