package io.holdfast.kernels.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.Loader;

/** Loads the library of bindings that JavaCPP built, from a jar or from a folder of classes. */
final class NativeLibrary {

  private NativeLibrary() {}

  /** Returns why it does not load; null if it does. */
  static Throwable load(Class<?> bindings, String library) {
    try {
      Loader.load(dnnl.class); // libdnnl, which ours links against
      unpack(bindings, library);
      Loader.load(bindings);
      return null;
    } catch (Throwable t) { // UnsatisfiedLinkError, NoClassDefFoundError, …: all mean "not here"
      return t;
    }
  }

  /**
   * JavaCPP unpacks a library into one place for all jars of a name, and takes what is there for it
   * if size and date agree, which they do for the library of another build: so the bytes decide.
   */
  private static void unpack(Class<?> bindings, String library) throws IOException {
    URL ours = bindings.getResource(Loader.getPlatform() + "/" + System.mapLibraryName(library));
    if (ours == null || !ours.getProtocol().equals("jar")) {
      return;
    }
    Path unpacked = Loader.cacheResource(ours).toPath();
    try (InputStream in = ours.openStream()) {
      if (!Arrays.equals(in.readAllBytes(), Files.readAllBytes(unpacked))) {
        Files.delete(unpacked); // a process that has loaded it keeps it
        Loader.cacheResource(ours);
      }
    }
  }
}
