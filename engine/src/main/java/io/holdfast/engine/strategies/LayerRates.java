package io.holdfast.engine.strategies;

import io.holdfast.model.ParameterLayout;

/**
 * Factors on the learning rate by depth: embeddings 0, encoder layers l = 1 … L, head L + 1.
 *
 * <pre>
 * --llrd d           head 1     layer l: d^(L+1−l)     embeddings d^(L+1)
 * --llrd-groups f    head 1     layer l: f[⌊(l−1)·G/L⌋], G groups     embeddings f[0]
 * </pre>
 *
 * <p>The decay is that of asappresearch/revisit-bert-finetuning (Zhang et al., "Revisiting
 * Few-sample BERT Fine-tuning", ICLR 2021), which decays before the top layer; other code starts
 * there with the whole rate, one power more for every layer. The head has {@code headRate /
 * baseRate} instead of 1 where it has a rate of its own: pooler and classifier both.
 */
public final class LayerRates {

  private final int layers;
  private final double decay;
  private final double[] groups;
  private final double head;

  /**
   * @param layers L
   * @param learningRate the run's
   */
  public LayerRates(StrategyOptions options, int layers, double learningRate) {
    this.layers = layers;
    this.decay = options.llrd();
    this.groups = options.groupFactors();
    this.head = options.headLearningRate() == null ? 1 : options.headLearningRate() / learningRate;
  }

  public double factor(ParameterLayout.Entry entry) {
    int depth = entry.depth();
    if (entry.isHead(layers)) {
      return head;
    } else if (groups != null) {
      return groups[Math.max(0, depth - 1) * groups.length / layers];
    }
    return Math.pow(decay, layers + 1 - depth);
  }
}
