package io.holdfast.model.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * JSON without leniency: UTF-8 only, no duplicate keys, nothing after the value, nesting and sizes
 * bounded. Every failure is one line that names the file (kind MODEL_FILE).
 */
public final class StrictJson {

  private static final int MAX_NESTING = 100;
  private static final int MAX_STRING = 1 << 20;
  private static final int MAX_NUMBER = 64;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(factory()).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private StrictJson() {}

  /** For readers that stream; the same bounds. */
  public static JsonFactory factory() {
    return JsonFactory.builder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(MAX_NESTING)
                .maxStringLength(MAX_STRING)
                .maxNameLength(MAX_STRING)
                .maxNumberLength(MAX_NUMBER)
                .build())
        // Names come from the file: interning them would fill tables that outlive it.
        .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
        .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
        .build();
  }

  /** The object in {@code file}, which may have at most {@code maxBytes}. */
  public static ObjectNode readObject(Path file, long maxBytes) {
    return parseObject(read(file, maxBytes), file.toString());
  }

  /** The object in {@code bytes}; {@code place} is what messages call it. */
  public static ObjectNode parseObject(byte[] bytes, String place) {
    try {
      JsonNode node = MAPPER.readTree(utf8(bytes, place));
      if (node instanceof ObjectNode object) {
        return object;
      }
      throw bad(place, "not a JSON object", null);
    } catch (JsonProcessingException e) {
      int line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
      throw bad(place + ":" + line, "not valid JSON: " + reason(e), e);
    }
  }

  /** The whole file, or one line that says why not. */
  public static byte[] read(Path file, long maxBytes) {
    try {
      long size = Files.size(file);
      if (size > maxBytes) {
        throw bad(file.toString(), size + " bytes, more than the " + maxBytes + " allowed", null);
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw AtomicFile.unreadable(HoldfastException.Kind.MODEL_FILE, file, e);
    }
  }

  /** Strict UTF-8. */
  public static String utf8(byte[] bytes, String place) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes))
          .toString();
    } catch (CharacterCodingException e) {
      throw bad(place, "not UTF-8", e);
    }
  }

  /** Two spaces, one key a line, a newline at the end: as Hugging Face writes its files. */
  public static String print(JsonNode node) {
    try {
      DefaultPrettyPrinter printer =
          new DefaultPrettyPrinter()
              .withObjectIndenter(new DefaultIndenter("  ", "\n"))
              .withArrayIndenter(new DefaultIndenter("  ", "\n"));
      return MAPPER.writer(printer).writeValueAsString(node) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of plain values prints", e);
    }
  }

  /** On one line. */
  public static String compact(JsonNode node) {
    return node.toString();
  }

  public static ObjectNode newObject() {
    return MAPPER.createObjectNode();
  }

  /** The reason without Jackson's source reference. */
  public static String reason(IOException e) {
    String message =
        e instanceof JsonProcessingException j ? j.getOriginalMessage() : AtomicFile.reason(e);
    String line = message.lines().findFirst().orElse("malformed");
    return line.length() > 160 ? line.substring(0, 160) + "…" : line;
  }

  private static HoldfastException bad(String place, String defect, Exception cause) {
    return new HoldfastException(HoldfastException.Kind.MODEL_FILE, place + ": " + defect, cause);
  }
}
