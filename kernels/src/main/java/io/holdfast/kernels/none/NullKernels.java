package io.holdfast.kernels.none;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Slab;
import io.holdfast.kernels.Tensor;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * Runs everything except the arithmetic: counts the calls of each operation and the bytes of the
 * tensors it was given. Slabs have made-up addresses and any size up to 2^62 in all; downloads are
 * zeros. A step on it shows how much memory the step takes ({@link
 * io.holdfast.kernels.Arena#highWater()}) and what it launches.
 */
public final class NullKernels {

  /** How often an operation was called, and on how many bytes in all. */
  public record Count(long calls, long bytes) {

    Count plus(Count other) {
      return new Count(calls + other.calls, bytes + other.bytes);
    }
  }

  /** Says how much scratch attention needs; null: none. */
  private final Kernels like;

  private final DType real;
  private final DType hidden;
  private final Map<String, Count> counts = new TreeMap<>();
  private long nextAddress = 4096;

  // One handler for all operations: what they would compute does not matter here.
  private final Kernels kernels =
      (Kernels)
          Proxy.newProxyInstance(
              Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, this::invoke);

  public NullKernels() {
    this(DType.F32);
  }

  public NullKernels(DType real) {
    this.real = real;
    this.hidden = real;
    this.like = null;
  }

  /** Sizes everything as {@code like} does, so that its arena can be planned. */
  public NullKernels(Kernels like) {
    this.real = like.real();
    this.hidden = like.hidden();
    this.like = like;
  }

  /** The backend, whose calls are counted here. */
  public Kernels kernels() {
    return kernels;
  }

  /** By operation, in the order of names; operations never called are absent. */
  public Map<String, Count> counts() {
    return Collections.unmodifiableMap(counts);
  }

  public long calls(String operation) {
    return counts.getOrDefault(operation, new Count(0, 0)).calls();
  }

  private Object invoke(Object proxy, Method method, Object[] arguments) throws Exception {
    if (method.getDeclaringClass() == Object.class) {
      return method.invoke(this, arguments);
    }
    switch (method.getName()) {
      case "name":
        return "null";
      case "note":
        return "";
      case "real":
        return real;
      case "hidden":
        return hidden;
      case "device":
        return Map.of();
      case "freeMemory":
        return OptionalLong.empty();
      case "close":
        return null;
      case "allocate":
        return allocate((long) arguments[0]);
      case "attentionScratch":
        return like == null ? 0L : method.invoke(like, arguments);
      case "download":
        int from = (int) arguments[1];
        long count = ((Tensor) arguments[2]).elements();
        Arrays.fill((float[]) arguments[0], from, from + Math.toIntExact(count), 0f);
        break;
      default:
        break;
    }
    count(method.getName(), arguments);
    return method.getReturnType() == double.class ? 0.0 : null;
  }

  private void count(String operation, Object[] arguments) {
    long bytes = 0;
    for (Object argument : arguments) {
      bytes += argument instanceof Tensor tensor ? tensor.bytes() : 0;
    }
    counts.merge(operation, new Count(1, bytes), Count::plus);
  }

  private Slab allocate(long bytes) {
    long address = nextAddress;
    nextAddress = Math.addExact(nextAddress, (bytes + 4095) / 4096 * 4096);
    return new FictionalSlab(address, bytes);
  }

  private static final class FictionalSlab implements Slab {
    private final long address;
    private final long bytes;
    private boolean closed;

    FictionalSlab(long address, long bytes) {
      this.address = address;
      this.bytes = bytes;
    }

    @Override
    public long address() {
      if (closed) {
        throw new IllegalStateException("slab of " + bytes + " bytes is closed");
      }
      return address;
    }

    @Override
    public long bytes() {
      return bytes;
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
