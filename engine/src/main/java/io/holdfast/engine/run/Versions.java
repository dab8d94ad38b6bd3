package io.holdfast.engine.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

/** What this program was built from, and what it runs on. */
public final class Versions {

  private static final Properties BUILT = read();

  private Versions() {}

  /** The version, and in brackets the git commit that it was built from where there was one. */
  public static String holdfast() {
    String revision = BUILT.getProperty("revision");
    return BUILT.getProperty("holdfast") + (revision.isEmpty() ? "" : " (" + revision + ")");
  }

  /** Of the libraries that take part in the numbers, and of the Java machine. */
  public static Map<String, String> libraries() {
    Map<String, String> versions = new LinkedHashMap<>();
    for (String name : new String[] {"javacpp", "onednn_preset", "tokenizers"}) {
      versions.put(name, BUILT.getProperty(name));
    }
    versions.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    return versions;
  }

  private static Properties read() {
    try (InputStream in = Versions.class.getResourceAsStream("versions.properties")) {
      Properties properties = new Properties();
      properties.load(in);
      return properties;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
