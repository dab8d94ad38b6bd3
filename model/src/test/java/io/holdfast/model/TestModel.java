package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.CheckedKernels;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;

/** A model with weights, gradients and an arena for activations, on any backend. */
public final class TestModel implements AutoCloseable {

  public final Kernels kernels;
  public final ModelConfig config;
  public final Parameters weights;
  public final Parameters gradients;
  public final SequenceClassifier model;
  public final Arena activations;
  private final Arena blocks;

  /** Weights are random ({@link TinyModels#randomise}), gradients 0. */
  public TestModel(Kernels kernels, ModelConfig config, Key key) {
    this.kernels = kernels;
    this.config = config;
    ParameterLayout layout = ParameterLayout.of(config);
    long gradientBytes = layout.elements() * kernels.real().bytes() + Arena.ALIGNMENT;
    this.blocks = new Arena(kernels, Parameters.weightBytes(layout, kernels) + gradientBytes);
    this.weights = Parameters.weights(layout, blocks, kernels);
    this.gradients = new Parameters(layout, blocks, kernels.real());
    this.activations = new Arena(kernels, 16 << 20);
    this.model = new SequenceClassifier(config, weights);
    TinyModels.randomise(kernels, weights, key);
    kernels.zero(gradients.block());
  }

  /** A pass with weight gradients, on the backend with its arguments checked. */
  public Pass pass(Key key, boolean training) {
    return pass(key, training, true);
  }

  public Pass pass(Key key, boolean training, boolean weightGradients) {
    return new Pass(new CheckedKernels(kernels), activations, key, training, weightGradients);
  }

  /** A batch for a forward with the weights as they are. */
  public DeviceBatch upload(PackedBatch batch) {
    model.weightsChanged(kernels);
    return DeviceBatch.upload(kernels, activations, config, batch);
  }

  /**
   * A step that differentiates the logits of {@code copies} copies of the batch, with no loss of
   * its own.
   */
  public static MemoryPlan.Step copies(int copies) {
    return (model, pass, batch, gradients) -> {
      PackedBatch all = batch.repeat(copies, true);
      DeviceBatch device = DeviceBatch.upload(pass.kernels(), pass.arena(), model.config(), all);
      Activations a = model.forward(pass, device, model.embedWords(pass, device));
      Tensor dLogits = pass.take(device.sequenceCount(), model.config().outputs());
      Tensor de = model.backward(pass, device, a, dLogits, gradients);
      model.embedWordsBackward(pass, device, de, gradients);
    };
  }

  /** Elements of a tensor, in full precision on the reference. */
  public double[] values(Tensor t) {
    return values(kernels, t);
  }

  /** Elements of a tensor, in full precision on the reference. */
  public static double[] values(Kernels kernels, Tensor t) {
    if (kernels instanceof ReferenceKernels reference) {
      return reference.toArray(t);
    }
    float[] floats = new float[Math.toIntExact(t.elements())];
    if (t.dtype() == kernels.real()) {
      kernels.download(floats, 0, t);
    } else {
      try (Arena arena = new Arena(kernels, t.elements() * kernels.real().bytes())) {
        Tensor reals = arena.take(kernels.real(), t.rows(), t.cols());
        kernels.convert(reals, t);
        kernels.download(floats, 0, reals);
      }
    }
    double[] values = new double[floats.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = floats[i];
    }
    return values;
  }

  @Override
  public void close() {
    activations.close();
    blocks.close();
  }
}
