package io.holdfast.bench;

import static org.bytedeco.pytorch.global.torch.dropout;
import static org.bytedeco.pytorch.global.torch.embedding;
import static org.bytedeco.pytorch.global.torch.gelu;
import static org.bytedeco.pytorch.global.torch.layer_norm;
import static org.bytedeco.pytorch.global.torch.linear;
import static org.bytedeco.pytorch.global.torch.matmul;
import static org.bytedeco.pytorch.global.torch.softmax;
import static org.bytedeco.pytorch.global.torch.tanh;
import static org.bytedeco.pytorch.global.torch.tensor;

import io.holdfast.model.ModelConfig;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;

/**
 * BERT with a sequence classification head in libtorch, differentiated by its autograd: the peer.
 * Written as Hugging Face's eager model is, with the padding mask left out where nothing is padded.
 */
@SuppressWarnings("try") // a PointerScope works by being open
final class TorchEncoder implements AutoCloseable {

  private final ModelConfig config;
  private final Map<String, Tensor> weights = new LinkedHashMap<>();

  TorchEncoder(ModelConfig config) {
    this.config = config;
  }

  /** Adds a parameter under its Hugging Face name; a vector where {@code rows} is 0. */
  void put(String name, float[] values, int rows, int cols) {
    try (PointerScope scope = new PointerScope()) {
      Tensor flat = tensor(values);
      Tensor shaped = rows == 0 ? flat : flat.view(rows, cols);
      Tensor leaf = shaped.detach();
      leaf.set_requires_grad(true);
      leaf.retainReference();
      weights.put(name, leaf);
    }
  }

  Map<String, Tensor> weights() {
    return weights;
  }

  /** Word embeddings [B,T,H] of the ids [B,T]. */
  Tensor embedWords(Tensor ids) {
    return embedding(weights.get("bert.embeddings.word_embeddings.weight"), ids);
  }

  /**
   * Logits [B,C] from word embeddings [B,T,H].
   *
   * @param mask [B,1,1,T], 0 or a large negative number, or null where nothing is padded
   * @param p dropout probability
   */
  Tensor forward(Tensor words, Tensor types, Tensor positions, Tensor mask, double p) {
    String e = "bert.embeddings.";
    Tensor x =
        words
            .add(embedding(weights.get(e + "token_type_embeddings.weight"), types))
            .add(embedding(weights.get(e + "position_embeddings.weight"), positions));
    x = dropout(norm(x, e + "LayerNorm"), p, true);
    for (int i = 0; i < config.layers(); i++) {
      x = layer(x, "bert.encoder.layer." + i + ".", mask, p);
    }
    Tensor pooled = tanh(dense(x.select(1, 0), "bert.pooler.dense"));
    return dense(dropout(pooled, p, true), "classifier");
  }

  /** One encoder layer. Its own scope drops what autograd has not kept, as C++ would. */
  private Tensor layer(Tensor x, String name, Tensor mask, double p) {
    PointerScope outer = PointerScope.getInnerScope();
    try (PointerScope scope = new PointerScope()) {
      Tensor attended = dense(attention(x, name, mask, p), name + "attention.output.dense");
      Tensor a = norm(x.add(dropout(attended, p, true)), name + "attention.output.LayerNorm");
      Tensor wide = gelu(dense(a, name + "intermediate.dense"));
      Tensor narrow = dropout(dense(wide, name + "output.dense"), p, true);
      Tensor y = norm(a.add(narrow), name + "output.LayerNorm");
      outer.attach(y);
      return y;
    }
  }

  @Override
  public void close() {
    weights.values().forEach(Tensor::releaseReference);
  }

  private Tensor attention(Tensor x, String name, Tensor mask, double p) {
    long b = x.size(0);
    long t = x.size(1);
    int d = config.headSize();
    Tensor q = heads(dense(x, name + "attention.self.query"), b, t, d);
    Tensor k = heads(dense(x, name + "attention.self.key"), b, t, d);
    Tensor v = heads(dense(x, name + "attention.self.value"), b, t, d);
    Tensor scores = matmul(q, k.transpose(-1, -2)).mul(new Scalar(1 / Math.sqrt(d)));
    if (mask != null) {
      scores = scores.add(mask);
    }
    Tensor context = matmul(dropout(softmax(scores, -1), p, true), v);
    return context.transpose(1, 2).contiguous().view(b, t, config.hiddenSize());
  }

  private Tensor heads(Tensor x, long b, long t, int d) {
    return x.view(b, t, config.heads(), d).transpose(1, 2);
  }

  private Tensor dense(Tensor x, String name) {
    return linear(x, weights.get(name + ".weight"), bias(name));
  }

  private Tensor norm(Tensor x, String name) {
    long[] shape = {config.hiddenSize()};
    TensorOptional gamma = new TensorOptional(weights.get(name + ".weight"));
    return layer_norm(x, shape, gamma, bias(name), config.layerNormEps(), false);
  }

  private TensorOptional bias(String name) {
    return new TensorOptional(weights.get(name + ".bias"));
  }
}
