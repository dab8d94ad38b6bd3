package io.holdfast.engine.strategies;

import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.LossReport;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SequenceClassifier;
import io.holdfast.model.Sites;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Mixout (Lee, Cho and Kang, "Mixout: Effective Regularization to Finetune Large-scale Pretrained
 * Language Models", ICLR 2020) around any criterion: in each update every column of a linear
 * layer's matrix, what leaves one input neuron, is with probability p the one that the run began
 * with.
 *
 * <pre>
 * keep ~ Bernoulli(1 − p) for each column
 * w' = (keep∘w + (1 − keep)∘w₀ − p·w₀) / (1 − p) = w₀ + keep∘(w − w₀) / (1 − p)     E w' = w
 * dw = keep∘dw' / (1 − p)
 * </pre>
 *
 * <p>As in asappresearch/revisit-bert-finetuning all linear layers are mixed, the head's too, whose
 * w₀ is its fresh draw; biases, LayerNorm and embeddings are not. Deviations: that code sets every
 * dropout to 0, here dropout stays as its own options say, since R-Drop and R3F live on it; it
 * draws anew in every forward, here a draw holds for a whole update, so that the branches of a
 * criterion and accumulated micro-batches see one model; its backward, like that of the authors'
 * bloodwass/mixout, leaves out the 1/(1 − p).
 */
public final class Mixout implements Criterion {

  private final Criterion criterion;
  private final float p;

  private List<ParameterLayout.Entry> matrices;
  private Parameters weights;
  private Parameters pretrained;
  private Parameters raw;
  private Rows rows;

  private Mixout(Criterion criterion, double p) {
    this.criterion = criterion;
    this.p = (float) p;
  }

  /**
   * @param p 0: the criterion itself
   */
  public static Criterion around(Criterion criterion, double p) {
    return p == 0 ? criterion : new Mixout(criterion, p);
  }

  @Override
  public boolean addsNoise() {
    return criterion.addsNoise();
  }

  @Override
  public Map<String, Parameters> takeState(
      Kernels kernels, Arena arena, SequenceClassifier model, Key key) {
    weights = model.weights();
    matrices =
        weights.layout().entries().stream().filter(e -> !e.vector() && e.depth() > 0).toList();
    int longest = matrices.stream().mapToInt(ParameterLayout.Entry::rows).max().orElseThrow();
    rows = new Rows(arena.take(DType.I32, longest, 1), arena.take(DType.I32, longest, 1));
    kernels.upload(rows.streams(), new int[longest], 0);
    kernels.upload(rows.positions(), new int[longest], 0); // all rows alike
    raw = new Parameters(weights.layout(), arena, kernels.real());
    pretrained = new Parameters(weights.layout(), arena, kernels.real());
    kernels.copy(pretrained.block(), weights.block());
    Map<String, Parameters> state =
        new LinkedHashMap<>(criterion.takeState(kernels, arena, model, key));
    state.put("pretrained", pretrained);
    return state;
  }

  @Override
  public void beginUpdate(Kernels kernels) {
    criterion.beginUpdate(kernels);
  }

  @Override
  public LossReport accumulate(
      SequenceClassifier model, Pass pass, PackedBatch batch, float scale, Parameters gradients) {
    Kernels k = pass.kernels();
    k.copy(raw.block(), weights.block());
    for (ParameterLayout.Entry entry : matrices) {
      Tensor w = weights.get(entry);
      k.axpby(w, -1f, pretrained.get(entry), 1f);
      drop(pass, w, entry);
      k.axpby(w, 1f, pretrained.get(entry), 1f);
    }
    model.weightsChanged(k);
    try {
      return criterion.accumulate(model, pass, batch, scale, gradients);
    } finally {
      k.copy(weights.block(), raw.block());
    }
  }

  @Override
  public void endUpdate(Pass pass, Parameters gradients) {
    criterion.endUpdate(pass, gradients);
    matrices.forEach(entry -> drop(pass, gradients.get(entry), entry));
  }

  private void drop(Pass pass, Tensor x, ParameterLayout.Entry entry) {
    Key key = pass.key(Sites.MIXOUT).at(entry.name().hashCode());
    Rows own =
        new Rows(rows.streams().rows(0, entry.rows()), rows.positions().rows(0, entry.rows()));
    pass.kernels().dropout(x, x, p, key, own);
  }
}
