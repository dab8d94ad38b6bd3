package io.holdfast.engine.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;

/** JSON of the files of a run. Numbers that are not finite are written as the text "NaN" etc. */
public final class Json {

  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Json() {}

  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** Maps, lists, records of plain values. */
  public static JsonNode tree(Object value) {
    return MAPPER.valueToTree(value);
  }

  /** The reverse of {@link #tree}; throws IllegalArgumentException for what does not fit. */
  public static <T> T as(Class<T> type, JsonNode value) {
    return MAPPER.convertValue(value, type);
  }

  /** One line. */
  public static String line(JsonNode value) {
    return value.toString();
  }

  /** Indented, with a line end. */
  public static String pretty(JsonNode value) {
    return value.toPrettyString() + "\n";
  }

  /** Throws IllegalArgumentException, with the place, for what is not one JSON object. */
  public static ObjectNode parse(byte[] text) {
    return parse(new String(text, StandardCharsets.UTF_8));
  }

  public static ObjectNode parse(String text) {
    try {
      if (MAPPER.readTree(text) instanceof ObjectNode object) {
        return object;
      }
      throw new IllegalArgumentException("not a JSON object");
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          e.getOriginalMessage() + " at line " + line(e) + ", column " + column(e), e);
    }
  }

  private static int line(JsonProcessingException e) {
    return e.getLocation() == null ? 1 : e.getLocation().getLineNr();
  }

  private static int column(JsonProcessingException e) {
    return e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
  }
}
