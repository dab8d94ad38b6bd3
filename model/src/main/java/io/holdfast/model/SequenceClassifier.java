package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Word lookup, encoder and head. The word lookup is a pair of its own and the encoder takes and
 * returns embeddings, so a criterion that perturbs embeddings, or wants the gradient with respect
 * to them, needs no special mode.
 *
 * <pre>
 * e      = embedWords(pass, batch)                         [N,H]
 * a      = forward(pass, batch, e)                         a.logits() [B,C]
 * de     = backward(pass, batch, a, dLogits, gradients)    [N,H]
 *          embedWordsBackward(pass, batch, de, gradients)
 * </pre>
 *
 * Where no backward follows, {@link #infer} gives the same logits in the memory of one layer. All
 * results live in the pass's arena until the caller's scope closes.
 */
public final class SequenceClassifier {

  private final ModelConfig config;
  private final Parameters weights;
  private final Frozen frozen;
  private final String wordTable;
  private final Embeddings embeddings;
  private final List<EncoderLayer> layers = new ArrayList<>();
  private final Head head;
  private final AtomicReference<Work> work;

  public SequenceClassifier(ModelConfig config, Parameters weights) {
    this(config, weights, Frozen.NONE);
  }

  /**
   * @param frozen has no gradient: a backward leaves its part of the gradients alone
   */
  public SequenceClassifier(ModelConfig config, Parameters weights, Frozen frozen) {
    this(config, weights, frozen, new AtomicReference<>(Work.NONE));
  }

  private SequenceClassifier(
      ModelConfig config, Parameters weights, Frozen frozen, AtomicReference<Work> work) {
    this.config = config;
    this.weights = weights;
    this.frozen = frozen;
    this.work = work;
    this.wordTable = ParameterLayout.prefix(config) + "embeddings.word_embeddings.weight";
    this.embeddings = new Embeddings(config, weights);
    for (int i = 0; i < config.layers(); i++) {
      layers.add(new EncoderLayer(config, i, weights));
    }
    this.head = new Head(config, weights);
  }

  public ModelConfig config() {
    return config;
  }

  public Parameters weights() {
    return weights;
  }

  void normaliseHead(SpectralNorm norm) {
    head.normalise(norm);
  }

  /**
   * Ends a {@link SpectralNorm}: the weights become what the head computes with, so that any reader
   * of them gets this model's logits. Nothing happens where there is none.
   */
  public void foldNorm(Kernels kernels) {
    head.fold(kernels);
  }

  /** The same network with other weights, which are not trained; its work counts as this one's. */
  public SequenceClassifier withWeights(Parameters other) {
    return new SequenceClassifier(config, other, new Frozen(true, layers.size()), work);
  }

  /** What this model has done since it was made. */
  public Work work() {
    return work.get();
  }

  private void count(Work more) {
    work.accumulateAndGet(more, Work::plus);
  }

  /**
   * To be called when weights have changed, before a forward: where hidden states are of 16 bits,
   * the encoder computes with a copy of its weights in that type, which is made here.
   */
  public void weightsChanged(Kernels kernels) {
    weights.round(kernels);
  }

  /**
   * {@code e[t] = wordTable[tokens[t]]}: the lookup alone, before positions, LayerNorm and dropout.
   */
  public Tensor embedWords(Pass pass, DeviceBatch batch) {
    if (!weights.isRounded()) {
      throw new IllegalStateException(
          "weightsChanged() has not been called since the model was made");
    }
    Tensor e = pass.take(batch.tokenCount(), config.hiddenSize());
    pass.kernels().gather(e, weights.get(wordTable), batch.tokens());
    return e;
  }

  /**
   * {@code dWordTable[tokens[t]] += dEmbeddings[t]} over the tokens of {@code batch}: the forward's
   * batch or a prefix of it, with as many rows of its gradient.
   */
  public void embedWordsBackward(
      Pass pass, DeviceBatch batch, Tensor dEmbeddings, Parameters gradients) {
    if (!frozen.embeddings()) {
      pass.kernels().gatherBackward(gradients.get(wordTable), dEmbeddings, batch.tokens());
    }
  }

  /** From word embeddings [N,H] to logits [B,C]. {@code e} is not changed. */
  public Activations forward(Pass pass, DeviceBatch batch, Tensor e) {
    Tensor x = pass.takeHidden(batch.tokenCount(), config.hiddenSize());
    return forward(pass, batch, x, embeddings.forward(pass, batch, x, e));
  }

  /**
   * {@link #forward} from what enters the LayerNorm of the embeddings: {@code s} [N,H] stands for
   * the sum of words, positions and types. It is a constant: {@link #backward} returns its gradient
   * and adds none to the tables. It is read again there.
   */
  public Activations forwardSum(Pass pass, DeviceBatch batch, Tensor s) {
    Tensor x = pass.takeHidden(batch.tokenCount(), config.hiddenSize());
    return forward(pass, batch, x, embeddings.forwardSum(pass, batch, x, s));
  }

  /** What {@link #forwardSum} takes, of a forward: each row with mean 0 and deviation 1, [N,H]. */
  public Tensor normalisedSum(Pass pass, Activations a) {
    Tensor n = pass.take(a.hidden().rows(), config.hiddenSize());
    embeddings.normalise(pass, n, a.embeddings);
    return n;
  }

  /** From the encoder's input {@code x} on, which becomes the first layer's. */
  private Activations forward(Pass pass, DeviceBatch batch, Tensor x, Embeddings.Saved saved) {
    count(new Work(batch.tokenCount(), 0, 0));
    List<EncoderLayer.Saved> savedLayers = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      addHiddenNoise(pass, batch, x, i);
      Tensor y = pass.takeHidden(batch.tokenCount(), config.hiddenSize());
      savedLayers.add(layers.get(i).forward(pass, batch, y, x));
      x = y;
    }
    Tensor logits = pass.take(batch.sequenceCount(), config.outputs());
    Head.Saved savedHead = head.forward(pass, batch, logits, x);
    return new Activations(logits, x, saved, savedLayers, savedHead);
  }

  /**
   * Adds parameter gradients (if the pass wants them) and returns the gradient with respect to the
   * embeddings, [N,H].
   *
   * @param batch the forward's, or a {@link DeviceBatch#prefix} of it: then only those sequences
   *     are differentiated
   * @param dLogits [B,C] of that batch
   * @param gradients may be null if the pass wants none
   */
  public Tensor backward(
      Pass pass, DeviceBatch batch, Activations a, Tensor dLogits, Parameters gradients) {
    Tensor dx = backwardTo(0, pass, batch, a, dLogits, gradients);
    Tensor de = dx;
    if (dx.dtype() != pass.kernels().real()) {
      de = pass.take(dx.rows(), dx.cols());
      pass.kernels().convert(de, dx);
    }
    Embeddings.Saved saved = a.embeddings.prefix(batch.tokenCount());
    embeddings.backward(frozen.embeddings() ? pass.ofInput() : pass, batch, saved, de, gradients);
    return de;
  }

  /**
   * {@link #backward} and {@link #embedWordsBackward} for when the gradient with respect to the
   * embeddings is not wanted for itself: it ends at the lowest layer that is trained.
   *
   * @param trainsWords {@code batch} or a prefix of it: what the word table is trained on
   */
  public void backwardToWeights(
      Pass pass,
      DeviceBatch batch,
      Activations a,
      Tensor dLogits,
      DeviceBatch trainsWords,
      Parameters gradients) {
    if (frozen.embeddings()) {
      backwardTo(frozen.layers(), pass, batch, a, dLogits, gradients);
    } else {
      Tensor de = backward(pass, batch, a, dLogits, gradients);
      embedWordsBackward(pass, trainsWords, de.rows(0, trainsWords.tokenCount()), gradients);
    }
  }

  /** The gradient [N,H] with respect to the input of encoder layer {@code lowest}. */
  private Tensor backwardTo(
      int lowest,
      Pass pass,
      DeviceBatch batch,
      Activations a,
      Tensor dLogits,
      Parameters gradients) {
    int n = batch.tokenCount();
    int trained = pass.weightGradients() ? layers.size() - Math.max(lowest, frozen.layers()) : 0;
    count(n, trained, layers.size() - lowest - trained);
    Tensor dx = pass.takeHidden(n, config.hiddenSize());
    head.backward(pass, batch, a.head.prefix(batch.sequenceCount()), dx, dLogits, gradients);
    for (int i = layers.size() - 1; i >= lowest; i--) {
      Pass own = i < frozen.layers() ? pass.ofInput() : pass;
      layers.get(i).backward(own, batch, a.layers.get(i).prefix(n), dx, gradients);
    }
    return dx;
  }

  /** A backward of {@code n} tokens through so many of the layers. */
  private void count(long n, int trained, int inputAlone) {
    int all = layers.size();
    count(new Work(0, n * trained / all, n * inputAlone / all));
  }

  /** The logits [B,C] of {@link #forward}, for when no backward follows. {@code e} is kept. */
  public Tensor infer(Pass pass, DeviceBatch batch, Tensor e) {
    Tensor logits = pass.take(batch.sequenceCount(), config.outputs());
    try (Arena.Scope scratch = pass.arena().open()) {
      head.forward(pass, batch, logits, encode(pass, batch, e));
    }
    return logits;
  }

  /** The encoder's output [N,H], for when no backward follows. {@code e} is kept. */
  public Tensor encode(Pass pass, DeviceBatch batch, Tensor e) {
    count(new Work(batch.tokenCount(), 0, 0));
    Tensor x = pass.takeHidden(batch.tokenCount(), config.hiddenSize());
    try (Arena.Scope scratch = pass.arena().open()) {
      embeddings.forward(pass, batch, x, e);
    }
    for (int i = 0; i < layers.size(); i++) {
      addHiddenNoise(pass, batch, x, i);
      try (Arena.Scope scratch = pass.arena().open()) {
        layers.get(i).forward(pass, batch, x, x);
      }
    }
    return x;
  }

  /** To the input {@code x} of a layer, in place: what made it keeps nothing of it. */
  private static void addHiddenNoise(Pass pass, DeviceBatch batch, Tensor x, int layer) {
    HiddenNoise noise = pass.hiddenNoise();
    if (noise != null) {
      Key key = pass.key(Sites.layerInputNoise(layer));
      pass.kernels().addNoise(x, x, noise.type(), noise.eps(), key, batch.tokenRows());
    }
  }
}
