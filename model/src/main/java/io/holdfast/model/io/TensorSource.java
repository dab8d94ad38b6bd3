package io.holdfast.model.io;

import java.util.Map;

/**
 * Named fp32 tensors in a file: what safetensors, ONNX and other readers have in common. Readers
 * validate the whole structure when they open a file and throw {@link
 * io.holdfast.kernels.HoldfastException} (kind MODEL_FILE) that names it.
 */
public interface TensorSource extends AutoCloseable {

  /** Shapes by name, in file order. */
  Map<String, int[]> shapes();

  /** The tensor's elements, row-major, converted to fp32 where the file holds F16, BF16 or F64. */
  float[] read(String name);

  @Override
  void close();
}
