package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.criteria.Criteria;
import io.holdfast.engine.data.Task;
import io.holdfast.engine.run.Checkpoints;
import io.holdfast.engine.run.Disk;
import io.holdfast.engine.run.RunFolder;
import io.holdfast.kernels.HoldfastException;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Precision;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.cpu.CpuKernels;
import io.holdfast.model.Frozen;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ParameterLayout;
import io.holdfast.model.Parameters;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NaN in a weight, an activation or a gradient stops the run in that update. */
class NonFiniteTest {

  private static final int BAD_STEP = 4;

  @TempDir Path folder;
  private TinyRun tiny;
  private int runs;
  private String criterion = "cross_entropy";
  private Workspace space;
  private boolean armed;
  private float[] weightsBefore;

  @BeforeEach
  void prepare() {
    tiny = new TinyRun(folder, 30);
  }

  /** Called after each kernel of a bad update: its name and its first output. */
  private interface Injection extends BiConsumer<String, Tensor> {}

  @Test
  void badWeightsAreNamed() {
    List<ParameterLayout.Entry> entries =
        ParameterLayout.of(Pretrained.open(tiny.model().toString()).folder.config()).entries();
    assertEquals(2 * 16 + 5 + 4, entries.size());
    for (int i = 0; i < entries.size(); i += 5) {
      String name = entries.get(i).name();

      HoldfastException e =
          diverges((kernel, out) -> {}, () -> poisonAll(space.model.weights().get(name)));
      assertTrue(e.getMessage().contains("weight " + name), e.getMessage());
    }
  }

  @Test
  void aBadNormalisedWeightIsNamed() {
    criterion = "r4f";
    HoldfastException e =
        diverges(
            (kernel, out) -> {},
            () -> poison(space.kernels, space.model.weights().get("classifier.weight")));
    assertTrue(e.getMessage().contains("weight classifier.weight"), e.getMessage());
  }

  @Test
  void badActivationsAreNamed() {
    for (String kernel : List.of("layerNorm", "attention", "biasGelu", "tanh", "gather")) {
      HoldfastException e = diverges(poisonAfter(kernel), () -> {});
      assertTrue(e.getMessage().contains("the logits"), kernel + ": " + e.getMessage());
    }
  }

  @Test
  void badGradientsAreNamed() {
    // The first is the head's, into the encoder's output: bad from the last LayerNorm down.
    HoldfastException first = diverges(poisonAfter("gatherBackward"), () -> {});
    assertTrue(
        first.getMessage().contains("gradient of bert.encoder.layer.1.output.LayerNorm."),
        first.getMessage());
    HoldfastException head = diverges(poisonAfter("linearBackwardWeight"), () -> {});
    assertTrue(head.getMessage().contains("gradient of classifier.weight"), head.getMessage());
    // The gradient of the head's input: everything from the pooler down is bad.
    HoldfastException pooler = diverges(poisonAfter("tanhBackward"), () -> {});
    assertTrue(pooler.getMessage().contains("gradient of bert.pooler.dense"), pooler.getMessage());
  }

  @Test
  void anAnswerThatIsNotANumberIsNoAnswer() {
    tiny.run(tiny.options("out", "max_steps", "1"));
    String model = tiny.output("out").toString();
    var settings = new Predictor.Settings("cpu", 1, Precision.FP32, 24, 32);
    try (Predictor predictor = Predictor.open(model, settings, ProgressListener.SILENT)) {
      predictor.kernels.upload(
          predictor.model.weights().get("classifier.bias"), new float[] {0, NAN[0]}, 0);
      HoldfastException e =
          assertThrows(
              HoldfastException.class,
              () -> predictor.predict(predictor.rows(List.of("a word"), null)));
      assertEquals(HoldfastException.Kind.DIVERGED, e.kind());
      assertTrue(e.getMessage().startsWith("text 1: the model's answer is NaN"), e.getMessage());
    }
  }

  private Injection poisonAfter(String kernel) {
    boolean[] done = new boolean[1];
    return (name, out) -> {
      if (name.equals(kernel) && !done[0]) {
        done[0] = true;
        poison(space.kernels, out);
      }
    };
  }

  /** All of it: a single word's row may not be looked up in this update. */
  private void poisonAll(Tensor tensor) {
    float[] nan = new float[Math.toIntExact(tensor.elements())];
    Arrays.fill(nan, Float.NaN);
    space.kernels.upload(tensor, nan, 0);
  }

  private static void poison(Kernels kernels, Tensor tensor) {
    kernels.upload(tensor.reshape(Math.toIntExact(tensor.elements()), 1).rows(0, 1), NAN, 0);
  }

  private static final float[] NAN = {Float.NaN};

  /** Trains, spoils update {@link #BAD_STEP}, and checks that it ends there with weights kept. */
  private HoldfastException diverges(Injection injection, Runnable beforeBadStep) {
    armed = false;
    String output = "out" + runs++;
    TrainConfig config =
        TrainConfig.of(tiny.options(output, "max_steps", "10", "criterion", criterion));
    ProgressListener spoil =
        new ProgressListener() {
          @Override
          public void step(Step step) {
            if (step.step() == BAD_STEP - 1) {
              armed = true;
              beforeBadStep.run();
              weightsBefore = weights(space);
            }
          }
        };
    HoldfastException e =
        assertThrows(HoldfastException.class, () -> train(config, injection, spoil));
    assertEquals(HoldfastException.Kind.DIVERGED, e.kind());
    assertTrue(e.getMessage().startsWith("update " + BAD_STEP + ":"), e.getMessage());
    List<String> lines = lines(tiny.output(output).resolve("metrics.jsonl"));
    assertTrue(lines.get(lines.size() - 1).contains("\"NaN\""), lines.toString());
    return e;
  }

  private void train(TrainConfig config, Injection injection, ProgressListener listener) {
    try (CpuKernels cpu = new CpuKernels(1, Precision.FP32);
        Pretrained files = Pretrained.open(config.model())) {
      Task task = RunData.task(config, ProgressListener.SILENT);
      ModelConfig model = files.configFor(task, config);
      RunData data = RunData.read(config, task, files.tokenizer, 24, ProgressListener.SILENT);
      TrainPlan plan = new TrainPlan(config, data.train());
      Kernels kernels = observed(cpu, injection);
      RunMemory memory =
          RunMemory.forTraining(
              cpu,
              model,
              Criteria.create(config.criterion(), config.criterionOptions()),
              plan.bounds(),
              data.evaluationBounds(config.perDeviceEvalBatchSize()));
      try (RunFolder out = RunFolder.claim(config.outputDir());
          Workspace own = new Workspace(kernels, model, memory, Frozen.NONE);
          RunLog log = new RunLog(out, "x", new TrainState(), listener)) {
        space = own;
        files.loadInto(own, task, config, listener);
        Checkpoints checkpoints = new Checkpoints(out.path(), Disk.REAL, 1);
        Trainer trainer =
            new Trainer(config, own, data.train(), data.dev(), plan, checkpoints, new StopSignal());
        try {
          trainer.run(log);
        } finally {
          assertArrayEquals(weightsBefore, weights(own), "weights changed");
        }
      }
    }
  }

  private Kernels observed(Kernels kernels, Injection injection) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, args) -> {
              try {
                Object result = method.invoke(kernels, args);
                if (armed && args != null && args[0] instanceof Tensor out) {
                  injection.accept(method.getName(), out);
                }
                return result;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static float[] weights(Workspace space) {
    Parameters weights = space.model.weights();
    float[] values = new float[Math.toIntExact(weights.layout().elements())];
    space.kernels.download(values, 0, weights.block());
    return values;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
