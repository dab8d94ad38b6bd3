package io.holdfast.model.io;

import com.fasterxml.jackson.databind.JsonNode;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** The tensors of several safetensors files, as {@code model.safetensors.index.json} lists them. */
final class ShardedSafetensors implements TensorSource {

  private static final long MAX_INDEX = 64 << 20;

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
      Safetensors file = files.get(fileName);
      if (file == null) {
        file = Safetensors.open(inside(index, fileName));
        files.put(fileName, file);
      }
      int[] shape = file.shapes().get(entry.getKey());
      if (shape == null) {
        throw bad(index, "'" + name + "' is not in " + fileName);
      }
      homes.put(entry.getKey(), file);
      shapes.put(entry.getKey(), shape);
    }
  }

  /** The named file, which must lie in the index's own folder: no path, no link that leaves it. */
  private static Path inside(Path index, String fileName) {
    String shown = "'" + SafetensorsHeader.brief(fileName) + "'";
    try {
      Path folder = index.toAbsolutePath().getParent();
      Path file = folder.resolve(fileName);
      if (!file.equals(folder.resolve(file.getFileName())) || fileName.startsWith(".")) {
        throw bad(index, shown + " is not a plain file name; refused");
      }
      if (!Files.exists(file)) {
        throw bad(index, shown + " is missing");
      }
      if (!file.toRealPath().getParent().equals(folder.toRealPath())) {
        throw bad(index, shown + " is a link that leaves the folder; copy the file into it");
      }
      return file;
    } catch (InvalidPathException | IOException e) {
      throw bad(index, shown + " is not a usable file name");
    }
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
