package io.holdfast.engine.train;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.model.Frozen;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.SequenceClassifier;

/**
 * The native memory of a run and the model in it. Closing it gives the memory back; the kernels are
 * the caller's.
 */
final class Workspace implements AutoCloseable {

  final Kernels kernels;
  final RunMemory plan;
  final Arena parameters;
  final Arena activations;
  final SequenceClassifier model;

  Workspace(Kernels kernels, ModelConfig config, RunMemory plan, Frozen frozen) {
    this.kernels = kernels;
    this.plan = plan;
    this.parameters = new Arena(kernels, plan.parameters());
    try {
      this.activations = new Arena(kernels, plan.activations());
    } catch (RuntimeException e) {
      parameters.close();
      throw e;
    }
    this.model =
        new SequenceClassifier(
            config, Parameters.weights(ParameterLayout.of(config), parameters, kernels), frozen);
  }

  /** Another block, as large as the weights. */
  Parameters block() {
    return new Parameters(model.weights().layout(), parameters, kernels.real());
  }

  @Override
  public void close() {
    activations.close();
    parameters.close();
  }
}
