package io.holdfast.engine.criteria;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.Activations;
import io.holdfast.model.DeviceBatch;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import java.util.Map;

/**
 * Plain fine-tuning: {@code loss_b = −ln softmax(z_b)[y_b]}, or {@code (z_b − y_b)²} where the
 * target is a number. One forward, one backward.
 */
public final class CrossEntropy implements Criterion {

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    var k = pass.kernels();
    try (Arena.Scope scope = pass.arena().open()) {
      DeviceBatch x = DeviceBatch.upload(k, pass.arena(), model.config(), batch);
      Activations a = model.forward(pass, x, model.embedWords(pass, x));

      Tensor loss = pass.take(x.sequenceCount(), 1);
      Tensor dLogits = pass.take(x.sequenceCount(), model.config().outputs());
      SupervisedLoss.compute(k, loss, dLogits, a.logits(), x, scale);

      model.backwardToWeights(pass, x, a, dLogits, x, gradients);

      double sum = SupervisedLoss.sum(k, loss);
      return new LossReport(
          x.sequenceCount(), x.tokenCount(), sum, Map.of(SupervisedLoss.part(x), sum));
    }
  }
}
