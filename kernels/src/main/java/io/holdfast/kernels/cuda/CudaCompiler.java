package io.holdfast.kernels.cuda;

import static org.bytedeco.cuda.global.nvrtc.NVRTC_SUCCESS;
import static org.bytedeco.cuda.global.nvrtc.nvrtcCompileProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcCreateProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcDestroyProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetCUBIN;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetCUBINSize;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetErrorString;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetNumSupportedArchs;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetPTX;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetPTXSize;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetProgramLog;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetProgramLogSize;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetSupportedArchs;
import static org.bytedeco.cuda.global.nvrtc.nvrtcVersion;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * Compiles sources with NVRTC, once for a device, a version of the compiler and a text: the result
 * is kept in JavaCPP's cache folder. A folder that cannot be written costs the compilation each
 * time.
 */
final class CudaCompiler {

  /** The oldest that is supported: the first with tf32. */
  static final int OLDEST = 80;

  private static final String OPTIONS = "--std=c++17";
  private static final int HASH_BYTES = 32;

  private CudaCompiler() {}

  /**
   * Machine code for devices of compute capability {@code device} (90 is 9.0), or PTX for what the
   * compiler does not know yet.
   */
  static byte[] compile(String source, int device) {
    byte[] code = null;
    try {
      Path file = file(source, device);
      code = kept(file);
      if (code == null) {
        code = compileNow(source, device);
        keep(file, code);
      }
      return code;
    } catch (IOException e) {
      return code == null ? compileNow(source, device) : code; // the next start compiles again
    }
  }

  /** Where the code is kept. */
  static Path file(String source, int device) throws IOException {
    String key = String.join("\n", source, OPTIONS, version(), Integer.toString(device));
    String name = HexFormat.of().formatHex(hash(key.getBytes(StandardCharsets.UTF_8)), 0, 16);
    return Loader.getCacheDir().toPath().resolve("holdfast-cuda").resolve(name);
  }

  /** The code behind its hash; null if it is not there whole. */
  private static byte[] kept(Path file) throws IOException {
    if (!Files.exists(file)) {
      return null;
    }
    byte[] bytes = Files.readAllBytes(file);
    byte[] code = Arrays.copyOfRange(bytes, Math.min(HASH_BYTES, bytes.length), bytes.length);
    boolean whole = Arrays.equals(hash(code), Arrays.copyOf(bytes, HASH_BYTES));
    return whole ? code : null;
  }

  private static void keep(Path file, byte[] code) throws IOException {
    Files.createDirectories(file.getParent());
    Path part = Files.createTempFile(file.getParent(), "part", "");
    try {
      Files.write(part, hash(code));
      Files.write(part, code, StandardOpenOption.APPEND);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static byte[] hash(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static String version() {
    int[] major = new int[1];
    int[] minor = new int[1];
    check(nvrtcVersion(major, minor), "nvrtcVersion");
    return major[0] + "." + minor[0];
  }

  private static byte[] compileNow(String source, int device) {
    int known = newestUpTo(device);
    boolean exact = known == device;
    _nvrtcProgram program = new _nvrtcProgram();
    BytePointer text = new BytePointer(source, StandardCharsets.UTF_8);
    BytePointer name = new BytePointer("holdfast.cu");
    check(
        nvrtcCreateProgram(
            program, text, name, 0, (PointerPointer<?>) null, (PointerPointer<?>) null),
        "nvrtcCreateProgram");
    try {
      PointerPointer<BytePointer> options =
          new PointerPointer<>(
              OPTIONS, "--gpu-architecture=" + (exact ? "sm_" : "compute_") + known);
      int code = nvrtcCompileProgram(program, (int) options.capacity(), options);
      if (code != NVRTC_SUCCESS) {
        throw CudaLibraries.failure(
            "the kernels do not compile for " + device + ": " + log(program));
      }
      return exact ? cubin(program) : ptx(program);
    } finally {
      nvrtcDestroyProgram(program);
    }
  }

  /** The newest architecture that both the compiler and the device know. */
  private static int newestUpTo(int device) {
    int[] count = new int[1];
    check(nvrtcGetNumSupportedArchs(count), "nvrtcGetNumSupportedArchs");
    int[] known = new int[count[0]];
    check(nvrtcGetSupportedArchs(known), "nvrtcGetSupportedArchs");
    return Arrays.stream(known)
        .filter(arch -> arch <= device && arch >= OLDEST)
        .max()
        .orElseThrow(
            () ->
                CudaLibraries.failure(
                    "the device has compute capability "
                        + device / 10
                        + "."
                        + device % 10
                        + "; 8.0 and newer are supported"));
  }

  private static String log(_nvrtcProgram program) {
    SizeTPointer size = new SizeTPointer(1);
    check(nvrtcGetProgramLogSize(program, size), "nvrtcGetProgramLogSize");
    byte[] log = new byte[(int) size.get()];
    check(nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog");
    return new String(log, StandardCharsets.UTF_8).replace("\0", "").strip();
  }

  private static byte[] cubin(_nvrtcProgram program) {
    SizeTPointer size = new SizeTPointer(1);
    check(nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
    byte[] code = new byte[(int) size.get()];
    check(nvrtcGetCUBIN(program, code), "nvrtcGetCUBIN");
    return code;
  }

  private static byte[] ptx(_nvrtcProgram program) {
    SizeTPointer size = new SizeTPointer(1);
    check(nvrtcGetPTXSize(program, size), "nvrtcGetPTXSize");
    byte[] code = new byte[(int) size.get()];
    check(nvrtcGetPTX(program, code), "nvrtcGetPTX");
    return code;
  }

  private static void check(int code, String call) {
    if (code != NVRTC_SUCCESS) {
      throw CudaLibraries.failure(call + ": " + nvrtcGetErrorString(code).getString());
    }
  }
}
