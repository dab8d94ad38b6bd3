package io.holdfast.bench;

import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import java.util.Random;

public final class PeerBench {
  public static void main(String[] args) {
    ModelConfig config = Shape.valueOf(args[0]).config();
    TorchEncoder encoder = new TorchEncoder(config);
    Random random = new Random(1);
    for (ParameterLayout.Entry e : ParameterLayout.of(config).entries()) {
      float[] v = new float[(int) e.elements()];
      for (int i = 0; i < v.length; i++) v[i] = e.name().contains("LayerNorm.weight") ? 1 : e.vector() ? 0 : 0.02f * (float) random.nextGaussian();
      encoder.put(e.name(), v, e.vector() ? 0 : e.rows(), e.cols());
    }
    TorchStep step = new TorchStep(encoder, config, Workload.of(args[1]).batch(1), 2);
    System.out.println(java.util.Arrays.toString(step.logits()));
    for (int i = 0; i < Integer.parseInt(args[2]); i++) {
      for (boolean r3f : new boolean[] {false, true}) {
        long t = System.nanoTime();
        float loss = step.run(r3f);
        System.out.println((r3f ? "r3f " : "ce ") + loss + " " + (System.nanoTime() - t) / 1e6 + " ms rss " + org.bytedeco.javacpp.Pointer.physicalBytes() / 1e6);
      }
    }
  }
}
