package io.holdfast.engine.criteria;

import io.holdfast.engine.options.Options;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Pass;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import io.holdfast.model.Work;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One call of a criterion on a tiny model with three classes: what it reports, its gradients, the
 * perturbation before the ascent and after each step, and the passes it took.
 */
record CriterionRun(
    LossReport report, double[] gradients, List<double[]> perturbations, Work work) {

  static final ModelConfig CONFIG = TinyModels.config(Architecture.BERT, 3);
  private static final Key KEY = Key.of(21);
  private static final Key STEP = Key.of(22).at(1);

  static PackedBatch batch(int... lengths) {
    return TinyModels.batch(CONFIG, KEY, lengths);
  }

  static Kernels open(String backend) {
    return backend.equals("cpu") ? new CpuKernels(2, Precision.FP32) : new ReferenceKernels();
  }

  static Criterion create(String name, Object... keysAndValues) {
    Map<String, Object> values = new java.util.HashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      values.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return Criteria.create(name, Options.parse(CriterionOptions.class, values));
  }

  /** On the reference, with dropout. */
  static CriterionRun of(Criterion criterion, PackedBatch batch) {
    return of(open("reference"), criterion, true, batch);
  }

  static CriterionRun of(
      Kernels kernels, Criterion criterion, boolean dropout, PackedBatch... batches) {
    List<double[]> perturbations = new ArrayList<>();
    int examples = 0;
    for (PackedBatch batch : batches) {
      examples += batch.sequences();
    }
    try (Kernels k = kernels;
        TestModel m = new TestModel(k, CONFIG, KEY);
        Arena kept = new Arena(k, m.weights.block().bytes() + 64)) {
      criterion.takeState(k, kept, m.model, KEY);
      criterion.beginUpdate(k);
      Pass pass = new Pass(observed(k, perturbations), m.activations, STEP, dropout, true);
      LossReport report = LossReport.EMPTY;
      for (PackedBatch batch : batches) {
        report =
            report.plus(criterion.accumulate(m.model, pass, batch, 1f / examples, m.gradients));
      }
      if (m.activations.used() != 0) {
        throw new AssertionError(m.activations.used() + " bytes are left in the arena");
      }
      return new CriterionRun(report, m.values(m.gradients.block()), perturbations, m.model.work());
    }
  }

  /** Keeps the first argument of an ascent as it is before the first step and after each. */
  private static Kernels observed(Kernels k, List<double[]> perturbations) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, args) -> {
              boolean ascent = method.getName().equals("ascend");
              if (ascent && perturbations.isEmpty()) {
                perturbations.add(TestModel.values(k, (Tensor) args[0]));
              }
              try {
                Object result = method.invoke(k, args);
                if (ascent) {
                  perturbations.add(TestModel.values(k, (Tensor) args[0]));
                }
                return result;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** ‖this − other‖ / ‖this‖ of the gradients. */
  double distance(CriterionRun other) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < gradients.length; i++) {
      difference += Math.pow(gradients[i] - other.gradients[i], 2);
      norm += gradients[i] * gradients[i];
    }
    return Math.sqrt(difference / norm);
  }
}
