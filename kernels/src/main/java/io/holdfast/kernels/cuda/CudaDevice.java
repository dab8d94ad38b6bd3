package io.holdfast.kernels.cuda;

import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_OUT_OF_MEMORY;
import static org.bytedeco.cuda.global.cudart.CUDA_SUCCESS;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
import static org.bytedeco.cuda.global.cudart.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
import static org.bytedeco.cuda.global.cudart.CU_STREAM_NON_BLOCKING;
import static org.bytedeco.cuda.global.cudart.cuCtxSetCurrent;
import static org.bytedeco.cuda.global.cudart.cuDeviceGet;
import static org.bytedeco.cuda.global.cudart.cuDeviceGetAttribute;
import static org.bytedeco.cuda.global.cudart.cuDeviceGetCount;
import static org.bytedeco.cuda.global.cudart.cuDeviceGetName;
import static org.bytedeco.cuda.global.cudart.cuDevicePrimaryCtxRelease;
import static org.bytedeco.cuda.global.cudart.cuDevicePrimaryCtxRetain;
import static org.bytedeco.cuda.global.cudart.cuDeviceTotalMem;
import static org.bytedeco.cuda.global.cudart.cuDriverGetVersion;
import static org.bytedeco.cuda.global.cudart.cuFuncSetAttribute;
import static org.bytedeco.cuda.global.cudart.cuGetErrorString;
import static org.bytedeco.cuda.global.cudart.cuInit;
import static org.bytedeco.cuda.global.cudart.cuLaunchKernel;
import static org.bytedeco.cuda.global.cudart.cuMemAlloc;
import static org.bytedeco.cuda.global.cudart.cuMemAllocHost;
import static org.bytedeco.cuda.global.cudart.cuMemFree;
import static org.bytedeco.cuda.global.cudart.cuMemFreeHost;
import static org.bytedeco.cuda.global.cudart.cuMemGetInfo;
import static org.bytedeco.cuda.global.cudart.cuMemcpyDtoDAsync;
import static org.bytedeco.cuda.global.cudart.cuMemcpyDtoHAsync;
import static org.bytedeco.cuda.global.cudart.cuMemcpyHtoDAsync;
import static org.bytedeco.cuda.global.cudart.cuMemsetD8Async;
import static org.bytedeco.cuda.global.cudart.cuModuleGetFunction;
import static org.bytedeco.cuda.global.cudart.cuModuleLoadData;
import static org.bytedeco.cuda.global.cudart.cuModuleUnload;
import static org.bytedeco.cuda.global.cudart.cuStreamCreate;
import static org.bytedeco.cuda.global.cudart.cuStreamDestroy;
import static org.bytedeco.cuda.global.cudart.cuStreamSynchronize;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.HoldfastException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * The first CUDA device: memory, our kernels through the driver, products by cuBLAS. All in one
 * stream, in the order of the calls; only the copies to and from the host wait. Addresses are the
 * device's. Calls come from one thread at a time. What fails throws a HoldfastException of kind
 * BACKEND that names the call.
 */
final class CudaDevice implements AutoCloseable {

  private static final int STAGING = 4 << 20;

  /** CUDA 13.0. */
  private static final int OLDEST_DRIVER = 13_000;

  /** For what the driver and cuBLAS load when it is first needed. */
  private static final long RESERVE = 256L << 20;

  private record Kernel(CUfunc_st function, String signature) {}

  private final int device;
  private final int capability;
  private final int sharedMemory;
  private final long memory;
  private final CUctx_st context = new CUctx_st();
  private final CUstream_st stream = new CUstream_st();
  private final CUmod_st module = new CUmod_st();
  private final CudaProducts products;
  private final Map<String, Kernel> kernels = new HashMap<>();
  private final Pointer pinned = new Pointer();
  private final ByteBuffer staging;
  private final long workspace;

  /** Whose current context is ours. */
  private Thread thread;

  private boolean closed;

  /**
   * @param tf32 whether factors of products are rounded to tf32
   */
  CudaDevice(CudaSource source, boolean tf32) {
    CudaLibraries.load();
    device = first();
    capability =
        10 * attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
            + attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    sharedMemory = attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    SizeTPointer size = new SizeTPointer(1);
    check(cuDeviceTotalMem(size, device), "cuDeviceTotalMem");
    memory = size.get();
    check(cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    try {
      enter();
      check(cuStreamCreate(stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
      loadModule(source);
      check(cuMemAllocHost(pinned, STAGING), "cuMemAllocHost");
      BytePointer bytes = new BytePointer(pinned).capacity(STAGING);
      staging = bytes.asByteBuffer().order(ByteOrder.nativeOrder());
      workspace = allocate(CudaProducts.WORKSPACE);
      if (workspace == 0) {
        throw new HoldfastException(
            HoldfastException.Kind.OUT_OF_MEMORY, "backend cuda: the device's memory is full");
      }
      products = new CudaProducts(stream, workspace, tf32);
    } catch (RuntimeException e) {
      cuDevicePrimaryCtxRelease(device); // with all that was made so far
      throw e;
    }
  }

  private static int first() {
    check(cuInit(0), "cuInit");
    int[] value = new int[1];
    check(cuDriverGetVersion(value), "cuDriverGetVersion");
    if (value[0] < OLDEST_DRIVER) {
      throw CudaLibraries.failure(
          "the driver is of CUDA " + version(value[0]) + "; 13.0 or newer is needed");
    }
    check(cuDeviceGetCount(value), "cuDeviceGetCount");
    if (value[0] == 0) {
      throw CudaLibraries.failure("there is no CUDA device");
    }
    check(cuDeviceGet(value, 0), "cuDeviceGet");
    return value[0];
  }

  private int attribute(int which) {
    int[] value = new int[1];
    check(cuDeviceGetAttribute(value, which, device), "cuDeviceGetAttribute");
    return value[0];
  }

  private void loadModule(CudaSource source) {
    byte[] code = CudaCompiler.compile(source.text(), capability);
    check(cuModuleLoadData(module, new BytePointer(code)), "cuModuleLoadData");
    source
        .signatures()
        .forEach(
            (name, signature) -> {
              CUfunc_st function = new CUfunc_st();
              check(cuModuleGetFunction(function, module, name), "cuModuleGetFunction " + name);
              check(
                  cuFuncSetAttribute(
                      function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedMemory),
                  "cuFuncSetAttribute " + name);
              kernels.put(name, new Kernel(function, signature));
            });
  }

  /** What was found, for people, by name. */
  Map<String, String> description() {
    Map<String, String> lines = new LinkedHashMap<>();
    byte[] name = new byte[256];
    check(cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
    int[] version = new int[1];
    check(cuDriverGetVersion(version), "cuDriverGetVersion");
    lines.put("device", new String(name, StandardCharsets.UTF_8).replace("\0", ""));
    lines.put("compute_capability", capability / 10 + "." + capability % 10);
    lines.put("memory_mb", Long.toString(memory >> 20));
    lines.put("driver", "CUDA " + version(version[0]));
    lines.put("nvrtc", CudaCompiler.version());
    lines.put("cublas", products.version());
    for (Map.Entry<String, Path> library : CudaLibraries.load().entrySet()) {
      lines.put(library.getKey(), library.getValue().toString());
    }
    return lines;
  }

  private static String version(int number) {
    return number / 1000 + "." + number % 1000 / 10;
  }

  private void enter() {
    if (thread != Thread.currentThread()) {
      check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
      thread = Thread.currentThread();
    }
  }

  /** At a multiple of 256 bytes; 0 if there is not that much. */
  long allocate(long bytes) {
    enter();
    long[] address = new long[1];
    int code = cuMemAlloc(address, bytes);
    if (code == CUDA_ERROR_OUT_OF_MEMORY) {
      return 0;
    }
    check(code, "cuMemAlloc");
    return address[0];
  }

  void release(long address) {
    enter();
    check(cuMemFree(address), "cuMemFree");
  }

  /** Bytes of memory in all. */
  long memory() {
    return memory;
  }

  /** Bytes that can be planned with. */
  long freeMemory() {
    enter();
    SizeTPointer free = new SizeTPointer(1);
    SizeTPointer total = new SizeTPointer(1);
    check(cuMemGetInfo(free, total), "cuMemGetInfo");
    return Math.max(0, free.get() - RESERVE);
  }

  /** Most bytes of shared memory that a block can have. */
  int sharedMemory() {
    return sharedMemory;
  }

  /** What copies to and from the device pass through: direct, in the machine's byte order. */
  ByteBuffer staging() {
    return staging;
  }

  /** Copies the first bytes of {@link #staging} to the device. */
  void copyIn(long dst, int bytes) {
    enter();
    check(cuMemcpyHtoDAsync(dst, pinned, bytes, stream), "cuMemcpyHtoDAsync");
    check(cuStreamSynchronize(stream), "cuStreamSynchronize");
  }

  /** Copies to the first bytes of {@link #staging}. */
  void copyOut(long src, int bytes) {
    enter();
    check(cuMemcpyDtoHAsync(pinned, src, bytes, stream), "cuMemcpyDtoHAsync");
    check(cuStreamSynchronize(stream), "cuStreamSynchronize");
  }

  void copy(long dst, long src, long bytes) {
    enter();
    if (bytes > 0) {
      check(cuMemcpyDtoDAsync(dst, src, bytes, stream), "cuMemcpyDtoDAsync");
    }
  }

  void zero(long dst, long bytes) {
    enter();
    if (bytes > 0) {
      check(cuMemsetD8Async(dst, (byte) 0, bytes, stream), "cuMemsetD8Async");
    }
  }

  /**
   * Runs a kernel of src/main/cuda; throws IllegalArgumentException if it takes other arguments.
   *
   * @param signature a letter for each argument, as {@link CudaSource#signatures} has them
   * @param arguments addresses, in this process, of the arguments
   */
  void launch(
      String name,
      int gridX,
      int gridY,
      int gridZ,
      int threads,
      int sharedBytes,
      CharSequence signature,
      PointerPointer<?> arguments) {
    enter();
    Kernel kernel = kernels.get(name);
    if (kernel == null || !kernel.signature.contentEquals(signature)) {
      String takes = kernel == null ? "is not there" : "takes " + kernel.signature;
      throw new IllegalArgumentException("kernel " + name + " " + takes + ", not " + signature);
    }
    check(
        cuLaunchKernel(
            kernel.function,
            gridX,
            gridY,
            gridZ,
            threads,
            1,
            1,
            sharedBytes,
            stream,
            arguments,
            (PointerPointer<?>) null),
        name);
  }

  /** {@link CudaProducts#multiply}. */
  void multiply(
      long c,
      DType product,
      long a,
      boolean transposeA,
      long b,
      boolean transposeB,
      DType factors,
      int m,
      int n,
      int k,
      boolean add) {
    enter();
    products.multiply(c, product, a, transposeA, b, transposeB, factors, m, n, k, add);
  }

  /** {@link CudaProducts#multiplyWithBias}. */
  boolean multiplyWithBias(
      long y, long x, long w, long b, DType type, int rows, int outputs, int inputs) {
    enter();
    return products.multiplyWithBias(y, x, w, b, type, rows, outputs, inputs);
  }

  /** What fails here has failed before, and was said there. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    enter();
    cuStreamSynchronize(stream);
    products.close();
    cuMemFree(workspace);
    cuMemFreeHost(pinned);
    cuModuleUnload(module);
    cuStreamDestroy(stream);
    check(cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease");
  }

  private static void check(int code, String call) {
    if (code != CUDA_SUCCESS) {
      BytePointer text = new BytePointer();
      boolean known = cuGetErrorString(code, text) == CUDA_SUCCESS && !text.isNull();
      throw CudaLibraries.failure(
          call + " failed: " + (known ? text.getString() : "status " + code));
    }
  }
}
