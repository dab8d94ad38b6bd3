package io.holdfast.bench;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.CriterionOptions;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.model.PackedBatch;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
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
 * One training step: zero, forward, backward, clip, AdamW. ms per step; {@code tokens} is ms per
 * token of the batch, each counted once also where R3F runs it twice. {@link StepReport} compares
 * all criteria.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
// The first steps build oneDNN's kernels for each shape and let the JIT compile the loops.
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 4)
@Fork(
    value = 2,
    jvmArgsAppend = {"-Xmx2g"})
@State(Scope.Thread)
public class StepBench {

  /** Counts tokens beside steps. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Counters {
    public long tokens;

    @Setup(org.openjdk.jmh.annotations.Level.Iteration)
    public void reset() {
      tokens = 0;
    }
  }

  @Param({"MINILM", "BERT_BASE"})
  public Shape shape;

  @Param({"8x128", "32x64", "rte32"})
  public String batch;

  @Param({"cross_entropy", "r3f"})
  public String criterion;

  @Param({"1", "2"})
  public int threads;

  @Param({"FP32"})
  public Precision precision;

  private Kernels kernels;
  private Criterion objective;
  private PackedBatch packed;
  private TrainingStep step;
  private double loss;

  @Setup
  public void open() {
    kernels = Backends.open("cpu", threads, precision);
    objective = Criteria.create(criterion, CriterionOptions.defaults());
    Workload workload = Workload.of(batch);
    packed = workload.batch(1);
    step = new TrainingStep(kernels, shape.config(), List.of(objective), workload.bounds());
  }

  @Benchmark
  public double step(Counters counters) {
    counters.tokens += packed.tokenCount();
    loss = step.run(objective, packed);
    return loss;
  }

  @TearDown
  public void close() {
    step.close();
    kernels.close();
    if (!Double.isFinite(loss)) {
      throw new IllegalStateException("loss " + loss);
    }
  }
}
