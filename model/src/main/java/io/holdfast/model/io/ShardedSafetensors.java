package io.holdfast.model.io;

import com.fasterxml.jackson.databind.JsonNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.StrictJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/** The tensors of several safetensors files, as {@code model.safetensors.index.json} lists them. */
final class ShardedSafetensors implements TensorSource {

  private static final long MAX_INDEX = 64 << 20;
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*");

  private final Map<String, Safetensors> files = new LinkedHashMap<>();
  private final Map<String, Safetensors> homes = new LinkedHashMap<>();
  private final Map<String, int[]> shapes = new LinkedHashMap<>();

  private ShardedSafetensors() {}

  static ShardedSafetensors open(Path index) {
    ShardedSafetensors source = new ShardedSafetensors();
    try {
      source.read(index);
      return source;
    } catch (RuntimeException e) {
      source.close();
      throw e;
    }
  }

  private void read(Path index) {
    JsonNode map = StrictJson.readObject(index, MAX_INDEX).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw bad(index, "no weight_map");
    }
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String name = SafetensorsHeader.brief(entry.getKey());
      if (!entry.getValue().isTextual()) {
        throw bad(index, "weight_map gives no file for '" + name + "'");
      }
      String fileName = entry.getValue().textValue();
      Safetensors file = files.computeIfAbsent(fileName, f -> Safetensors.open(beside(index, f)));
      int[] shape = file.shapes().get(entry.getKey());
      if (shape == null) {
        throw bad(index, "'" + name + "' is not in " + fileName);
      }
      homes.put(entry.getKey(), file);
      shapes.put(entry.getKey(), shape);
    }
  }

  /**
   * The named file beside the index. It may be a link to anywhere, as in Hugging Face's cache: who
   * wrote the folder made it. The index only gives names, and no path.
   */
  private static Path beside(Path index, String fileName) {
    String shown = "'" + SafetensorsHeader.brief(fileName) + "'";
    if (!PLAIN.matcher(fileName).matches()) {
      throw bad(index, shown + " is not a plain file name; refused");
    }
    Path file = index.resolveSibling(fileName);
    if (!Files.isRegularFile(file)) {
      throw bad(index, shown + " is missing");
    }
    return file;
  }

  private static HoldfastException bad(Path index, String defect) {
    return new HoldfastException(HoldfastException.Kind.MODEL_FILE, index + ": " + defect);
  }

  @Override
  public Map<String, int[]> shapes() {
    return Collections.unmodifiableMap(shapes);
  }

  @Override
  public float[] read(String name) {
    return homes.get(name).read(name);
  }

  @Override
  public void close() {
    files.values().forEach(Safetensors::close);
  }
}
