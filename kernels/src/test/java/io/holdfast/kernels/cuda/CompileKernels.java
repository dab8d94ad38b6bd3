package io.holdfast.kernels.cuda;

import io.holdfast.kernels.DType;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.bytedeco.cuda.global.nvrtc;

/**
 * Compiles our kernels with the NVRTC that is found, for the architectures that are named and the
 * newest that it knows; prints each and how many kernels its machine code has. In a process of its
 * own, as one process has one NVRTC.
 */
final class CompileKernels {

  private CompileKernels() {}

  public static void main(String[] architectures) {
    CudaLibraries.load();
    int[] known = new int[64];
    int[] count = new int[1];
    nvrtc.nvrtcGetNumSupportedArchs(count);
    nvrtc.nvrtcGetSupportedArchs(known);
    for (String architecture : architectures) {
      compile(Integer.parseInt(architecture));
    }
    compile(Arrays.stream(known).limit(count[0]).max().orElseThrow());
  }

  private static void compile(int architecture) {
    CudaSource source = CudaSource.ours(DType.BF16, DType.F16);
    byte[] code = CudaCompiler.compile(source.text(), architecture);
    String text = new String(code, StandardCharsets.ISO_8859_1);
    long found =
        source.signatures().keySet().stream()
            .filter(kernel -> text.contains(".text." + kernel + "\0"))
            .count();
    System.out.println(architecture + " " + found);
  }
}
