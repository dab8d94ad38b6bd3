package io.holdfast.engine.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.List;

/** Rows of a JSON Lines file: one object a line, columns are its keys. */
final class JsonRows implements RowReader {

  private static final ObjectReader READER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES) // 5.0 is a fraction
          .build()
          .readerFor(JsonNode.class);

  private final Lines lines;
  private final Columns columns;
  private final boolean labelled;

  JsonRows(Lines lines, Columns columns, boolean labelled) {
    this.lines = lines;
    this.columns = columns;
    this.labelled = labelled;
  }

  @Override
  public Row next() {
    String line = lines.nextRow();
    if (line == null) {
      if (lines.number() == 0) {
        throw lines.error(0, 0, "the file is empty");
      }
      return null;
    }
    JsonNode row = parse(line);
    return new Row(
        lines.number(),
        text(row, columns.first()),
        columns.second() == null ? null : text(row, columns.second()),
        labelled ? label(row) : null);
  }

  @Override
  public List<String> notes() {
    return List.of();
  }

  private JsonNode parse(String line) {
    try {
      JsonNode row = READER.readTree(line);
      if (row.isObject()) {
        return row;
      }
    } catch (JsonProcessingException e) {
      int column = e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getColumnNr());
      String reason = e.getOriginalMessage().lines().findFirst().orElse("");
      throw lines.error(lines.number(), column, "not a JSON object on one line: " + reason);
    }
    throw lines.error(lines.number(), 1, "not a JSON object; write one object a line");
  }

  private Row.Cell text(JsonNode row, String key) {
    JsonNode value = value(row, key);
    if (!value.isTextual()) {
      throw lines.error(lines.number(), 0, "'" + key + "' is " + kind(value) + ", not a string");
    }
    String text = value.textValue();
    if (text.indexOf('\0') >= 0 || !text.codePoints().allMatch(JsonRows::scalar)) {
      throw lines.error(lines.number(), 0, "'" + key + "' has a NUL or half a surrogate pair");
    }
    return new Row.Cell(text, 0);
  }

  private Row.Cell label(JsonNode row) {
    JsonNode value = value(row, columns.label());
    if (!value.isTextual() && !value.isNumber() && !value.isBoolean()) {
      throw lines.error(
          lines.number(),
          0,
          "'" + columns.label() + "' is " + kind(value) + ", not a string or number");
    }
    return new Row.Cell(value.asText(), 0);
  }

  private JsonNode value(JsonNode row, String key) {
    JsonNode value = row.get(key);
    if (value == null) {
      List<String> keys = new ArrayList<>();
      row.fieldNames().forEachRemaining(keys::add);
      throw lines.error(
          lines.number(), 0, "no key '" + key + "'; the object has " + Text.list(keys));
    }
    return value;
  }

  private static String kind(JsonNode value) {
    return "of type " + value.getNodeType().name().toLowerCase(java.util.Locale.ROOT);
  }

  private static boolean scalar(int codePoint) {
    return codePoint < Character.MIN_SURROGATE || codePoint > Character.MAX_SURROGATE;
  }
}
