package io.holdfast.engine.criteria;

import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The reference backend, observed: keeps each term of the loss in double, and can hold what an
 * objective declares constant (noised embeddings, a perturbation after each step of ascent, noised
 * logits) at the values of a first evaluation, so that central differences see the function whose
 * gradient is asked for.
 */
final class FrozenBranch {

  final List<double[]> terms = new ArrayList<>();
  private final ReferenceKernels reference;
  private final Set<String> held;
  private final boolean freezesLogits;
  private final List<double[]> constants = new ArrayList<>();
  private int nextConstant;

  /**
   * @param held operations whose results are constants
   */
  FrozenBranch(ReferenceKernels reference, Set<String> held, boolean freezesLogits) {
    this.reference = reference;
    this.held = held;
    this.freezesLogits = freezesLogits;
  }

  Kernels kernels() {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, args) -> call(method, args));
  }

  /** Before each evaluation. */
  void begin() {
    terms.clear();
    nextConstant = 0;
  }

  private Object call(Method method, Object[] args) throws Throwable {
    boolean supervised = method.getName().equals("crossEntropy");
    boolean squared = method.getName().equals("squaredError");
    boolean consistency = method.getName().equals("symmetricKl") || squared && !terms.isEmpty();
    if (consistency && freezesLogits) {
      hold((Tensor) args[squared ? 2 : 4]);
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
    if (held.contains(method.getName())) {
      hold((Tensor) args[0]);
    }
    return result;
  }

  /** Keeps the tensor's values in the first evaluation, and gives them back in every other. */
  private void hold(Tensor tensor) {
    if (nextConstant == constants.size()) {
      constants.add(reference.toArray(tensor));
    } else {
      reference.fill(tensor, constants.get(nextConstant));
    }
    nextConstant++;
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
