package io.holdfast.bench;

import static org.bytedeco.pytorch.global.torch.clip_grad_norm_;
import static org.bytedeco.pytorch.global.torch.cross_entropy_loss;
import static org.bytedeco.pytorch.global.torch.log_softmax;
import static org.bytedeco.pytorch.global.torch.set_num_threads;
import static org.bytedeco.pytorch.global.torch.tensor;

import io.holdfast.model.ModelConfig;
import io.holdfast.model.PackedBatch;
import java.util.Arrays;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/**
 * One training step in libtorch: forward, backward, clip, AdamW, on a batch padded to its longest.
 */
@SuppressWarnings("try") // a PointerScope works by being open
final class TorchStep {

  private static final float MASKED = -3.4e38f;
  private static final double CLIP = 1.0;
  private static final double EPS = 1e-5;

  private final TorchEncoder encoder;
  private final double dropout;
  private final Tensor ids;
  private final Tensor types;
  private final Tensor positions;
  private final Tensor mask;
  private final Tensor labels;
  private final TensorVector parameters;
  private final AdamW optimizer;

  TorchStep(TorchEncoder encoder, ModelConfig config, PackedBatch batch, int threads) {
    set_num_threads(threads);
    this.encoder = encoder;
    this.dropout = config.hiddenDropout();
    int b = batch.sequences();
    int t = batch.maxLength();
    long[] padded = new long[b * t];
    float[] bias = new float[b * t];
    Arrays.fill(bias, MASKED);
    for (int s = 0; s < b; s++) {
      int start = batch.starts()[s];
      for (int i = start; i < batch.starts()[s + 1]; i++) {
        padded[s * t + i - start] = batch.tokens()[i];
        bias[s * t + i - start] = 0;
      }
    }
    long[] range = new long[t];
    Arrays.setAll(range, i -> i);
    this.ids = tensor(padded).view(b, t);
    this.types = tensor(new long[b * t]).view(b, t);
    this.positions = tensor(range);
    this.mask = batch.tokenCount() == b * t ? null : tensor(bias).view(b, 1, 1, t);
    this.labels = tensor(Arrays.stream(batch.labels()).asLongStream().toArray());
    this.parameters = new TensorVector(encoder.weights().values().toArray(new Tensor[0]));
    AdamWOptions options = new AdamWOptions(5e-5);
    options.weight_decay().put(0.01);
    this.optimizer = new AdamW(parameters, options);
  }

  /** The loss of one step. */
  float run(boolean r3f) {
    try (PointerScope scope = new PointerScope()) {
      optimizer.zero_grad();
      Tensor loss = r3f ? r3fLoss() : crossEntropyLoss();
      loss.backward();
      clip_grad_norm_(parameters, CLIP);
      optimizer.step();
      return loss.item_float();
    }
  }

  /** Logits of the clean input without dropout, [B,C]. */
  float[] logits() {
    try (PointerScope scope = new PointerScope()) {
      Tensor logits = forward(encoder.embedWords(ids), 0);
      float[] values = new float[(int) logits.numel()];
      logits.detach().contiguous().data_ptr_float().get(values);
      return values;
    }
  }

  private Tensor crossEntropyLoss() {
    return cross_entropy_loss(forward(encoder.embedWords(ids), dropout), labels);
  }

  /** Two forwards, symmetric KL, one backward; nothing detached but the noised word embeddings. */
  private Tensor r3fLoss() {
    Tensor words = encoder.embedWords(ids);
    Tensor clean = forward(words, dropout);
    Tensor noise = words.detach().clone().uniform_(-EPS, EPS, null);
    Tensor noised = forward(words.detach().add(noise), dropout);
    Tensor p = log_softmax(clean, 1);
    Tensor q = log_softmax(noised, 1);
    Tensor kl = p.exp().sub(q.exp()).mul(p.sub(q)).sum();
    Tensor perExample = kl.mul(new Scalar(1.0 / labels.numel()));
    return cross_entropy_loss(clean, labels).add(perExample);
  }

  private Tensor forward(Tensor words, double p) {
    return encoder.forward(words, types, positions, mask, p);
  }
}
