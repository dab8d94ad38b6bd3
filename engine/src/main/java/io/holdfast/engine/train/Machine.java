package io.holdfast.engine.train;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the machine has. */
public final class Machine {

  private static final Path MEMORY = Path.of("/proc/meminfo");
  private static final Path PROCESS = Path.of("/proc/self/status");
  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

  private Machine() {}

  public static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** Bytes that can still be allocated without swapping, as far as the system tells. */
  public static long availableMemory() {
    OperatingSystemMXBean system = system();
    String available = field(MEMORY, "MemAvailable");
    if (available == null) {
      return system.getFreeMemorySize();
    }
    return Math.min(bytes(available), system.getTotalMemorySize());
  }

  /**
   * Most bytes of memory that this process has held at a time; 0 where the system does not tell.
   */
  static long peakResident() {
    String peak = field(PROCESS, "VmHWM");
    return peak == null ? 0 : bytes(peak);
  }

  /** Of "123 kB". */
  private static long bytes(String kibibytes) {
    return Long.parseLong(kibibytes.replaceAll("\\D", "")) << 10;
  }

  public static long totalMemory() {
    return system().getTotalMemorySize();
  }

  static Map<String, Object> describe() {
    Map<String, Object> machine = new LinkedHashMap<>();
    machine.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    machine.put("arch", System.getProperty("os.arch"));
    machine.put("processor", processor("model name"));
    machine.put("cores", cores());
    machine.put("memory_bytes", totalMemory());
    return machine;
  }

  /** What /proc/cpuinfo says under a name: "model name", "flags"; "unknown" if it does not. */
  public static String processor(String name) {
    String value = field(PROCESSORS, name);
    return value == null ? "unknown" : value;
  }

  private static OperatingSystemMXBean system() {
    return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  }

  /** The value of the first line "name : value"; null if there is none. */
  private static String field(Path file, String name) {
    if (!Files.isReadable(file)) {
      return null;
    }
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> line.startsWith(name))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(null);
    } catch (IOException e) {
      return null;
    }
  }
}
