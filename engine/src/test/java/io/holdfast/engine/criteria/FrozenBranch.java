package io.holdfast.engine.criteria;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;

/**
 * The reference backend, observed: keeps each term of the loss in double, and can hold what an
 * objective declares constant (the noised embeddings; the noised logits) at the values of a first
 * evaluation, so that central differences see the function whose gradient is asked for.
 */
final class FrozenBranch {

  final List<double[]> terms = new ArrayList<>();
  private final ReferenceKernels reference;
  private final boolean freezesLogits;
  private double[] embeddings;
  private double[] logits;

  FrozenBranch(ReferenceKernels reference, boolean freezesLogits) {
    this.reference = reference;
    this.freezesLogits = freezesLogits;
  }

  Kernels kernels() {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, args) -> call(method, args));
  }

  private Object call(Method method, Object[] args) throws Throwable {
    boolean supervised = method.getName().equals("crossEntropy");
    boolean squared = method.getName().equals("squaredError");
    boolean consistency = method.getName().equals("symmetricKl") || squared && !terms.isEmpty();
    if (consistency && freezesLogits) {
      logits = hold(logits, (Tensor) args[squared ? 2 : 4]);
    }
    Object result;
    try {
      result = method.invoke(reference, args);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
    if (supervised || squared || consistency) {
      terms.add(reference.toArray((Tensor) args[0]));
    }
    if (method.getName().equals("addNoise")) {
      embeddings = hold(embeddings, (Tensor) args[0]);
    }
    return result;
  }

  private double[] hold(double[] held, Tensor tensor) {
    if (held == null) {
      return reference.toArray(tensor);
    }
    reference.fill(tensor, held);
    return held;
  }

  /** Σ of a term over the examples of the last evaluation. */
  double sum(int term) {
    double sum = 0;
    for (double value : terms.get(term)) {
      sum += value;
    }
    return sum;
  }
}
