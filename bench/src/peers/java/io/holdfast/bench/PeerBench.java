package io.holdfast.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.holdfast.bench.Interleaved.Times;
import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.criteria.Criterion;
import io.holdfast.engine.criteria.CriterionOptions;
import io.holdfast.kernels.Backends;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * Training steps here and in libtorch: same weights, same tokens, in turns in one process. Both
 * must give the same logits before anything is timed. Arguments: shapes, batches (comma-separated),
 * threads, rounds, JSON file. Start it with bench/peers.sh, which sets what libtorch needs from its
 * environment to be at its best.
 */
public final class PeerBench {

  private static final List<String> CRITERIA = List.of("cross_entropy", "r3f");
  private static final int WARMUP = 2;
  private static final double SAME_LOGITS = 1e-4;

  private PeerBench() {}

  public static void main(String[] args) throws IOException {
    int threads = Integer.parseInt(args[2]);
    int rounds = Integer.parseInt(args[3]);
    List<Map<String, Object>> rows = new ArrayList<>();
    System.out.println(
        "| model | batch | criterion | holdfast ms | libtorch ms | libtorch / holdfast"
            + " | fastest: holdfast, libtorch |\n|---|---|---|---|---|---|---|");
    for (String shape : args[0].split(",")) {
      for (String batch : args[1].split(",")) {
        rows.addAll(measure(Shape.valueOf(shape), Workload.of(batch), threads, rounds));
      }
    }
    new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(Path.of(args[4]).toFile(), rows);
  }

  private static List<Map<String, Object>> measure(
      Shape shape, Workload workload, int threads, int rounds) {
    ModelConfig config = shape.config();
    PackedBatch batch = workload.batch(1);
    List<Criterion> criteria =
        CRITERIA.stream().map(c -> Criteria.create(c, CriterionOptions.defaults())).toList();
    try (Kernels kernels = Backends.open("cpu", threads, Precision.FP32);
        TrainingStep ours = new TrainingStep(kernels, config, criteria, workload.bounds());
        TorchEncoder encoder = encoder(kernels, config, ours.weights())) {
      TorchStep theirs = new TorchStep(encoder, config, batch, threads);
      requireSame(ours.logits(batch), theirs.logits());
      Map<String, DoubleSupplier> contenders = new LinkedHashMap<>();
      for (int i = 0; i < criteria.size(); i++) {
        Criterion criterion = criteria.get(i);
        String name = CRITERIA.get(i);
        contenders.put("holdfast " + name, () -> ours.run(criterion, batch));
        contenders.put("libtorch " + name, () -> theirs.run(name.equals("r3f")));
      }
      Map<String, Times> times = Interleaved.run(contenders, WARMUP, rounds);
      return CRITERIA.stream().map(c -> row(shape, workload, threads, c, times)).toList();
    }
  }

  private static Map<String, Object> row(
      Shape shape, Workload workload, int threads, String criterion, Map<String, Times> times) {
    Times ours = times.get("holdfast " + criterion);
    Times theirs = times.get("libtorch " + criterion);
    System.out.printf(
        "| %s | %s | %s | %.0f | %.0f | %.2f | %.0f, %.0f |%n",
        shape,
        workload.name(),
        criterion,
        ours.median(),
        theirs.median(),
        theirs.ratioTo(ours),
        ours.fastest(),
        theirs.fastest());
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("shape", shape.name());
    row.put("batch", workload.name());
    row.put("tokens", workload.tokens());
    row.put("threads", threads);
    row.put("criterion", criterion);
    row.put("holdfast_ms", ours.times());
    row.put("libtorch_ms", theirs.times());
    row.put("ratio", theirs.ratioTo(ours));
    return row;
  }

  private static TorchEncoder encoder(Kernels kernels, ModelConfig config, Parameters weights) {
    TorchEncoder encoder = new TorchEncoder(config);
    for (ParameterLayout.Entry entry : weights.layout().entries()) {
      Tensor tensor = weights.get(entry);
      float[] values = new float[(int) tensor.elements()];
      kernels.download(values, 0, tensor);
      encoder.put(entry.name(), values, entry.vector() ? 0 : entry.rows(), entry.cols());
    }
    return encoder;
  }

  private static void requireSame(float[] ours, float[] theirs) {
    for (int i = 0; i < ours.length; i++) {
      if (!(Math.abs(ours[i] - theirs[i]) <= SAME_LOGITS)) {
        throw new IllegalStateException(
            "logits differ: " + Arrays.toString(ours) + " and " + Arrays.toString(theirs));
      }
    }
  }
}
