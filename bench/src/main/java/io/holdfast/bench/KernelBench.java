package io.holdfast.bench;

import io.holdfast.kernels.AdamStep;
import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.DType;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Rows;
import io.holdfast.kernels.Sequences;
import io.holdfast.kernels.Tensor;
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
 * Operations of the cpu backend at the sizes of a training step: 8 sequences of 128 tokens. Calls
 * per second; {@code flops} is FLOP/s of the products, {@code bytes} the B/s an operation must move
 * at least (each operand once).
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgsAppend = "-Xmx1g")
@State(Scope.Thread)
public class KernelBench {

  private static final int BATCH = 8;
  private static final int LENGTH = 128;
  private static final int N = BATCH * LENGTH;
  private static final int ADAM_ELEMENTS = 8 << 20; // beyond every cache, as a step's update is
  private static final float P = 0.1f;
  private static final long ARENA_BYTES = 512L << 20;
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

    private void count(long newFlops, Tensor... touched) {
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

  private Kernels k;
  private Arena arena;
  private int h;
  private int f;
  private int heads;
  private Rows rows;
  private Sequences sequences;
  private Tensor x; // [N,H]
  private Tensor y;
  private Tensor dy;
  private Tensor wide; // [N,F]
  private Tensor dWide;
  private Tensor weight; // [F,H]
  private Tensor dWeight;
  private Tensor bias; // [1,F]
  private Tensor dBias;
  private Tensor gamma; // [1,H]
  private Tensor beta;
  private Tensor dGamma;
  private Tensor dBeta;
  private Tensor mean; // [N,1]
  private Tensor rstd;
  private Tensor qkv; // [N,3H]
  private Tensor dqkv;
  private Tensor lse; // [N,A]
  private Tensor scratch;
  private Tensor[] adam; // w, m, v, g

  @Setup
  public void open() {
    ModelConfig config = shape.config();
    k = Backends.open("cpu", threads, precision);
    arena = new Arena(k, ARENA_BYTES);
    h = config.hiddenSize();
    f = config.intermediateSize();
    heads = config.heads();
    x = random(N, h);
    y = random(N, h);
    dy = random(N, h);
    wide = random(N, f);
    dWide = random(N, f);
    weight = random(f, h);
    dWeight = random(f, h);
    bias = random(1, f);
    dBias = random(1, f);
    gamma = random(1, h);
    beta = random(1, h);
    dGamma = random(1, h);
    dBeta = random(1, h);
    mean = random(N, 1);
    rstd = random(N, 1);
    qkv = random(N, 3 * h);
    dqkv = random(N, 3 * h);
    lse = random(N, heads);
    long elements = k.attentionScratch(LENGTH, heads, config.headSize());
    scratch = arena.take(k.real(), 1, Math.toIntExact(elements));
    adam = new Tensor[] {moment(), moment(), moment(), moment()};
    rows = new Rows(ints(N, i -> i / LENGTH), ints(N, i -> i % LENGTH));
    sequences = new Sequences(ints(BATCH + 1, i -> i * LENGTH), ints(BATCH, i -> i), LENGTH);
    k.layerNorm(y, mean, rstd, x, gamma, beta, 1e-12f);
    k.attention(y, lse, scratch, qkv, sequences, heads, P, KEY);
  }

  @TearDown
  public void close() {
    for (Tensor result : new Tensor[] {y, dy, wide, dWide, dWeight, dqkv, adam[0]}) {
      if (!Double.isFinite(k.sumOfSquares(result))) {
        throw new IllegalStateException("a result is not finite");
      }
    }
    arena.close();
    k.close();
  }

  @Benchmark
  public void linear(Work work) {
    k.linear(wide, x, weight, bias);
    work.count(2L * N * h * f, wide, x, weight);
  }

  @Benchmark
  public void linearBackwardInput(Work work) {
    k.linearBackwardInput(dy, dWide, weight, false);
    work.count(2L * N * h * f, dy, dWide, weight);
  }

  @Benchmark
  public void linearBackwardWeight(Work work) {
    k.linearBackwardWeight(dWeight, dBias, dWide, x);
    work.count(2L * N * h * f, dWeight, dWide, x);
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
    work.count(4L * N * LENGTH * h, y, qkv);
  }

  /** q·kᵀ again, dP, dv, dq and dk. */
  @Benchmark
  public void attentionBackward(Work work) {
    k.attentionBackward(dqkv, scratch, dy, y, lse, qkv, sequences, heads, P, KEY);
    work.count(10L * N * LENGTH * h, dqkv, dy, y, qkv);
  }

  @Benchmark
  public void adamw(Work work) {
    k.adamw(adam[0], adam[1], adam[2], adam[3], ADAM);
    work.count(0, adam[0], adam[0], adam[1], adam[1], adam[2], adam[2], adam[3]);
  }

  private Tensor moment() {
    Tensor tensor = arena.take(k.real(), 1, ADAM_ELEMENTS);
    k.zero(tensor);
    return tensor;
  }

  private Tensor random(int rowCount, int cols) {
    Random random = new Random(rowCount + cols);
    float[] values = new float[rowCount * cols];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor tensor = arena.take(k.real(), rowCount, cols);
    k.upload(tensor, values, 0);
    return tensor;
  }

  private Tensor ints(int count, IntUnaryOperator value) {
    int[] values = new int[count];
    Arrays.setAll(values, value);
    Tensor tensor = arena.take(DType.I32, count, 1);
    k.upload(tensor, values, 0);
    return tensor;
  }
}
