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

import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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

  /**
   * The oldest that is supported: the attention of bfloat16 and asynchronous copies begin there.
   */
  static final int OLDEST = 80;

  private CudaCompiler() {}

  /**
   * Machine code for devices of compute capability {@code device} (90 is 9.0), or PTX for what the
   * compiler does not know yet.
   */
  static byte[] compile(String source, int device) {
    Path file = cached(source, device);
    try {
      if (file != null && Files.exists(file)) {
        return Files.readAllBytes(file);
      }
    } catch (IOException e) {
      return compileNow(source, device);
    }
    byte[] code = compileNow(source, device);
    keep(file, code);
    return code;
  }

  /** Drops what was kept, which did not load. */
  static void forget(String source, int device) {
    try {
      Files.deleteIfExists(cached(source, device));
    } catch (IOException | RuntimeException e) {
      // nothing was kept where nothing can be deleted
    }
  }

  private static Path cached(String source, int device) {
    try {
      String key = source + "\n" + version() + "\n" + device;
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
      String name = HexFormat.of().formatHex(hash, 0, 16) + ".cubin";
      return Loader.getCacheDir().toPath().resolve("holdfast-cuda").resolve(name);
    } catch (IOException e) {
      return null;
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void keep(Path file, byte[] code) {
    if (file == null) {
      return;
    }
    try {
      Files.createDirectories(file.getParent());
      Path part = Files.createTempFile(file.getParent(), "part", "");
      Files.write(part, code);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      // the next start compiles again
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
              "--std=c++17", "--gpu-architecture=" + (exact ? "sm_" : "compute_") + known);
      int code = nvrtcCompileProgram(program, (int) options.capacity(), options);
      if (code != NVRTC_SUCCESS) {
        throw failure("the kernels do not compile for " + device + ": " + log(program));
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
                failure(
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
      throw failure(call + ": " + nvrtcGetErrorString(code).getString());
    }
  }

  private static HoldfastException failure(String message) {
    return new HoldfastException(HoldfastException.Kind.BACKEND, "backend cuda: " + message);
  }
}
