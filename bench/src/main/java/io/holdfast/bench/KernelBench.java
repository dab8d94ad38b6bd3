package io.holdfast.bench;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.none.NullKernels;
import io.holdfast.model.MemoryPlan;
import io.holdfast.model.ModelConfig;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.IntUnaryOperator;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Operations at the sizes of a training step: sequences of 128 tokens. Calls per second; {@code
 * flops} is FLOP/s of the products, {@code bytes} the B/s an operation must move at least (each
 * operand once). {@link GpuReport} runs them on a GPU.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgsAppend = "-Xmx1g")
@State(Scope.Thread)
public class KernelBench {

  private static final int LENGTH = 128;
  private static final int CLASSES = 3;
  private static final int CHUNK = 1 << 16;
  private static final int ADAM_ELEMENTS = 8 << 20; // beyond every cache, as a step's update is
  private static final float P = 0.1f;
  private static final Key KEY = Key.of(1);
  private static final AdamStep ADAM = new AdamStep(5e-5, 0.9, 0.999, 1e-8, 0.01, 1, 1, false, 1);

  /** Work done by the calls that were counted. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Work {
    public long flops;
    public long bytes;

    @Setup(Level.Iteration)
    public void reset() {
      flops = 0;
      bytes = 0;
    }

    void count(long newFlops, Tensor... touched) {
      flops += newFlops;
      for (Tensor tensor : touched) {
        bytes += tensor.bytes();
      }
    }
  }

  @Param({"MINILM", "BERT_BASE"})
  public Shape shape;

  @Param({"1", "2"})
  public int threads;

  @Param({"FP32"})
  public Precision precision;

  @Param({"cpu"})
  public String backend;

  @Param({"1024"})
  public int tokens;

  private int n;
  private Kernels k;
  private Arena arena;
  private int h;
  private int f;
  private int heads;
  private Rows rows;
  private Sequences sequences;
  private Tensor x; // [N,H] hidden, as y, dy and residual
  private Tensor y;
  private Tensor dy;
  private Tensor residual;
  private Tensor e; // [N,H] real, as s
  private Tensor s;
  private Tensor wide; // [N,F] hidden
  private Tensor dWide;
  private Tensor weight; // [F,H] hidden
  private Tensor dWeight;
  private Tensor bias; // [1,F]
  private Tensor hiddenBias;
  private Tensor dBias;
  private Tensor gamma; // [1,H]
  private Tensor beta;
  private Tensor dGamma;
  private Tensor dBeta;
  private Tensor table; // [V,H]
  private Tensor types; // [2,H]
  private Tensor ids; // [N,1]
  private Tensor zeros; // [N,1] of integers
  private Tensor mean; // [N,1]
  private Tensor rstd;
  private Tensor qkv; // [N,3H] hidden
  private Tensor dqkv;
  private Tensor lse; // [N,A]
  private Tensor scratch;
  private Tensor[] adam; // w, m, v, g
  private Tensor square; // [H,H]
  private Tensor u; // [1,H]
  private Tensor v;
  private Tensor sigma; // [1,1]
  private Tensor logits; // [N / LENGTH,C]
  private Tensor otherLogits;
  private Tensor dLogits;
  private Tensor loss; // [N / LENGTH,1]

  @Setup
  public void open() {
    k = Backends.open(backend, threads, precision);
    try (Kernels none = new NullKernels(k).kernels();
        Arena unbounded = new Arena(none, MemoryPlan.UNBOUNDED)) {
      Kernels real = k;
      k = none;
      take(unbounded);
      k = real;
      arena = new Arena(k, unbounded.used() + Arena.ALIGNMENT);
    }
    take(arena);
    k.layerNorm(y, mean, rstd, x, gamma, beta, 1e-12f);
    k.attention(y, lse, scratch, qkv, sequences, heads, P, KEY);
  }

  private void take(Arena from) {
    ModelConfig config = shape.config();
    arena = from;
    n = tokens;
    h = config.hiddenSize();
    f = config.intermediateSize();
    heads = config.heads();
    int batch = n / LENGTH;
    x = hidden(n, h);
    y = hidden(n, h);
    dy = hidden(n, h);
    residual = hidden(n, h);
    e = random(n, h);
    s = random(n, h);
    wide = hidden(n, f);
    dWide = hidden(n, f);
    weight = hidden(f, h);
    dWeight = random(f, h);
    bias = random(1, f);
    hiddenBias = hidden(1, f);
    dBias = random(1, f);
    gamma = random(1, h);
    beta = random(1, h);
    dGamma = random(1, h);
    dBeta = random(1, h);
    table = random(config.vocabSize(), h);
    types = random(2, h);
    ids = ints(n, i -> i * 7919 % config.vocabSize());
    zeros = ints(n, i -> 0);
    mean = random(n, 1);
    rstd = random(n, 1);
    qkv = hidden(n, 3 * h);
    dqkv = hidden(n, 3 * h);
    lse = random(n, heads);
    long elements = k.attentionScratch(LENGTH, heads, config.headSize());
    scratch = arena.take(k.real(), 1, Math.toIntExact(elements));
    adam = new Tensor[] {moment(), moment(), moment(), moment()};
    square = random(h, h);
    u = random(1, h);
    v = random(1, h);
    sigma = random(1, 1);
    logits = random(batch, CLASSES);
    otherLogits = random(batch, CLASSES);
    dLogits = random(batch, CLASSES);
    loss = random(batch, 1);
    rows = new Rows(ints(n, i -> i / LENGTH), ints(n, i -> i % LENGTH));
    sequences = new Sequences(ints(batch + 1, i -> i * LENGTH), ints(batch, i -> i), LENGTH);
  }

  @TearDown
  public void close() {
    for (Tensor result : new Tensor[] {y, dy, wide, dWide, dWeight, dqkv, adam[0], s, dLogits}) {
      if (!Double.isFinite(k.sumOfSquares(real(result)))) {
        throw new IllegalStateException("a result is not finite");
      }
    }
    arena.close();
    k.close();
  }

  /** Returns when all that was called is done. */
  void await() {
    k.download(new float[1], 0, sigma);
  }

  Kernels kernels() {
    return k;
  }

  @Benchmark
  public void linear(Work work) {
    k.linear(wide, x, weight, hiddenBias);
    work.count(2L * n * h * f, wide, x, weight);
  }

  @Benchmark
  public void linearBackwardInput(Work work) {
    k.linearBackwardInput(dy, dWide, weight, false);
    work.count(2L * n * h * f, dy, dWide, weight);
  }

  @Benchmark
  public void linearBackwardWeight(Work work) {
    k.linearBackwardWeight(dWeight, dBias, dWide, x);
    work.count(2L * n * h * f, dWeight, dWide, x);
  }

  @Benchmark
  public void layerNorm(Work work) {
    k.layerNorm(y, mean, rstd, x, gamma, beta, 1e-12f);
    work.count(0, y, x);
  }

  @Benchmark
  public void layerNormBackward(Work work) {
    k.layerNormBackward(y, dGamma, dBeta, dy, x, mean, rstd, gamma);
    work.count(0, y, dy, x);
  }

  @Benchmark
  public void biasGelu(Work work) {
    k.biasGelu(dWide, wide, bias);
    work.count(0, dWide, wide);
  }

  @Benchmark
  public void biasGeluBackward(Work work) {
    k.biasGeluBackward(dWide, wide, wide, bias); // not in place: dWide would grow call by call
    work.count(0, dWide, wide, wide);
  }

  @Benchmark
  public void dropout(Work work) {
    k.dropout(y, x, P, KEY, rows);
    work.count(0, y, x);
  }

  /** q·kᵀ and P·v: 4·T·D FLOP per token and head. */
  @Benchmark
  public void attention(Work work) {
    k.attention(y, lse, scratch, qkv, sequences, heads, P, KEY);
    work.count(4L * n * LENGTH * h, y, qkv);
  }

  /** q·kᵀ again, dP, dv, dq and dk. */
  @Benchmark
  public void attentionBackward(Work work) {
    k.attentionBackward(dqkv, scratch, dy, y, lse, qkv, sequences, heads, P, KEY);
    work.count(10L * n * LENGTH * h, dqkv, dy, y, qkv);
  }

  @Benchmark
  public void adamw(Work work) {
    k.adamw(adam[0], adam[1], adam[2], adam[3], ADAM);
    work.count(0, adam[0], adam[0], adam[1], adam[1], adam[2], adam[2], adam[3]);
  }

  @Benchmark
  public void addNoise(Work work) {
    k.addNoise(s, e, NoiseType.UNIFORM, 1e-5f, KEY, rows);
    work.count(0, s, e);
  }

  @Benchmark
  public void addNormalNoise(Work work) {
    k.addNoise(s, e, NoiseType.NORMAL, 1e-5f, KEY, rows);
    work.count(0, s, e);
  }

  @Benchmark
  public void gather(Work work) {
    k.gather(s, table, ids);
    work.count(0, s, s);
  }

  @Benchmark
  public void gatherBackward(Work work) {
    k.gatherBackward(table, e, ids);
    work.count(0, e, e, e);
  }

  @Benchmark
  public void embeddingSum(Work work) {
    k.embeddingSum(s, e, table, ids, types, zeros);
    work.count(0, s, e, e);
  }

  @Benchmark
  public void convert(Work work) {
    k.convert(y, e);
    work.count(0, y, e);
  }

  @Benchmark
  public void dropoutAddLayerNorm(Work work) {
    k.dropoutAddLayerNorm(y, dy, mean, rstd, x, residual, gamma, beta, 1e-12f, P, KEY, rows);
    work.count(0, y, dy, x, residual);
  }

  @Benchmark
  public void dropoutAddLayerNormBackward(Work work) {
    k.dropoutAddLayerNormBackward(
        y, dy, dGamma, dBeta, residual, x, mean, rstd, gamma, P, KEY, rows);
    work.count(0, y, dy, residual, x);
  }

  @Benchmark
  public void axpby(Work work) {
    k.axpby(s, 0.5f, e, 0.5f);
    work.count(0, s, s, e);
  }

  @Benchmark
  public void ascend(Work work) {
    k.ascend(s, e, sequences, Norm.L2, 1e-3f, 0f, 1f);
    work.count(0, s, s, e);
  }

  @Benchmark
  public void sumOfSquares(Work work) {
    k.sumOfSquares(adam[0]);
    work.count(0, adam[0]);
  }

  @Benchmark
  public void spectralNorm(Work work) {
    k.spectralNorm(dSquare(), sigma, u, v, square, 1, false);
    work.count(0, square, square);
  }

  @Benchmark
  public void crossEntropy(Work work) {
    k.crossEntropy(loss, dLogits, logits, zeros.rows(0, loss.rows()), 1f);
    work.count(0, dLogits, logits);
  }

  @Benchmark
  public void symmetricKl(Work work) {
    k.symmetricKl(loss, dLogits, null, logits, otherLogits, 1e-6f);
    work.count(0, dLogits, dLogits, logits, otherLogits);
  }

  private Tensor dSquare() {
    return new Tensor(s.slab(), s.offset(), h, h, k.real());
  }

  private Tensor moment() {
    Tensor tensor = arena.take(k.real(), 1, ADAM_ELEMENTS);
    k.zero(tensor);
    return tensor;
  }

  private Tensor random(int rowCount, int cols) {
    Tensor tensor = arena.take(k.real(), rowCount, cols);
    fill(tensor);
    return tensor;
  }

  private Tensor hidden(int rowCount, int cols) {
    Tensor tensor = arena.take(k.hidden(), rowCount, cols);
    try (Arena reals = new Arena(k, tensor.elements() * k.real().bytes())) {
      Tensor values = reals.take(k.real(), rowCount, cols);
      fill(values);
      k.convert(tensor, values);
    }
    return tensor;
  }

  private void fill(Tensor tensor) {
    Random random = new Random(tensor.rows() + tensor.cols());
    float[] some = new float[CHUNK];
    for (int i = 0; i < some.length; i++) {
      some[i] = (float) random.nextGaussian();
    }
    Tensor all = tensor.reshape(1, Math.toIntExact(tensor.elements()));
    float[] values = new float[all.cols()];
    for (int i = 0; i < values.length; i++) {
      values[i] = some[i % CHUNK];
    }
    k.upload(tensor, values, 0);
  }

  /** A copy where {@code tensor} is a hidden state of another type. */
  private Tensor real(Tensor tensor) {
    if (tensor.dtype() == k.real()) {
      return tensor;
    }
    Tensor copy =
        new Tensor(
            e.slab(), e.offset(), 1, (int) Math.min(tensor.elements(), e.elements()), k.real());
    k.convert(copy, new Tensor(tensor.slab(), tensor.offset(), 1, copy.cols(), tensor.dtype()));
    return copy;
  }

  private Tensor ints(int count, IntUnaryOperator value) {
    int[] values = new int[count];
    Arrays.setAll(values, value);
    Tensor tensor = arena.take(DType.I32, count, 1);
    k.upload(tensor, values, 0);
    return tensor;
  }
}
