package io.holdfast.engine.criteria;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.criteria.R3fOptions.Compat;
import io.holdfast.engine.criteria.R3fOptions.Masks;
import io.holdfast.engine.criteria.R3fOptions.StopGrad;
import io.holdfast.engine.options.Options;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.NoiseType;
import io.holdfast.kernels.Norm;
import io.holdfast.kernels.reference.ReferenceKernels;
import io.holdfast.model.ModelConfig;
import io.holdfast.model.ModelConfig.Architecture;
import io.holdfast.model.PackedBatch;
import io.holdfast.model.Parameters;
import io.holdfast.model.Pass;
import io.holdfast.model.SpectralNorm;
import io.holdfast.model.TestModel;
import io.holdfast.model.TinyModels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every registered criterion, in every variant, against central differences of its loss along
 * random directions, in double. Noise and masks are functions of the key, so the loss is smooth.
 */
class CriterionGradientTest {

  private static final Key KEY = Key.of(11);
  private static final Key STEP = Key.of(12).at(5);
  private static final double LAMBDA = 1.5;
  private static final double BREGMAN = 0.5;
  private static final int SMART_STEPS = 2;
  private static final double H = 1e-4;
  private static final float SCALE = 0.25f;
  private static final int DIRECTIONS = 12;

  static Stream<Arguments> variants() {
    List<Arguments> all = new ArrayList<>();
    for (String name : Criteria.names()) {
      for (CriterionOptions options : variants(name)) {
        for (boolean regression : new boolean[] {false, true}) {
          all.add(Arguments.of(name, options, regression));
        }
      }
    }
    return all.stream();
  }

  private static List<CriterionOptions> variants(String name) {
    return switch (name) {
      case "r3f" -> r3fOptions();
      case "r4f" -> r4fOptions();
      case "smart" -> smartOptions();
      case "freelb" -> freelbOptions();
      case "r_drop" ->
          List.of(Options.parse(CriterionOptions.class, Map.of("r_drop_alpha", LAMBDA)));
      case "hype" ->
          Stream.of(NoiseType.values())
              .map(type -> Map.of("hype_eps", 0.3, "hype_noise_type", type))
              .map(values -> Options.parse(CriterionOptions.class, values))
              .toList();
      case "sift" -> siftOptions();
      default -> List.of(CriterionOptions.defaults());
    };
  }

  private static List<CriterionOptions> r4fOptions() {
    List<CriterionOptions> all = new ArrayList<>();
    for (SpectralNorm.Scope scope : SpectralNorm.Scope.values()) {
      for (SpectralNorm.Mode mode : SpectralNorm.Mode.values()) {
        all.add(
            Options.parse(
                CriterionOptions.class,
                Map.of(
                    "eps", 0.3,
                    "r3f_lambda", LAMBDA,
                    "spectral_norm_scope", scope,
                    "spectral_norm_mode", mode,
                    "spectral_norm_iterations", 2)));
      }
    }
    return all;
  }

  /** Operations whose results the gradient takes for constants: noised and moved embeddings. */
  private static Set<String> constants(String name) {
    return switch (name) {
      case "hype" -> Set.of();
      case "sift" -> Set.of("ascend", "axpby"); // the sum of normalised embeddings and delta
      default -> Set.of("addNoise", "ascend");
    };
  }

  private static List<CriterionOptions> siftOptions() {
    return Stream.of(Masks.values())
        .map(
            masks ->
                Map.of(
                    "sift_lambda",
                    LAMBDA,
                    "sift_init_perturbation",
                    0.3,
                    "sift_step_size",
                    0.3,
                    "sift_dropout",
                    masks,
                    "sift_stop_grad",
                    SmartOptions.StopGrad.NONE))
        .map(values -> Options.parse(CriterionOptions.class, values))
        .toList();
  }

  /** Steps that reach the surface of the ball for some elements and not for others. */
  private static List<CriterionOptions> smartOptions() {
    List<CriterionOptions> all = new ArrayList<>();
    for (Masks masks : Masks.values()) {
      for (SmartOptions.Projection projection : SmartOptions.Projection.values()) {
        all.add(
            Options.parse(
                CriterionOptions.class,
                Map.of(
                    "smart_steps",
                    SMART_STEPS,
                    "smart_lambda",
                    LAMBDA,
                    "smart_noise_std",
                    0.2,
                    "smart_step_size",
                    0.3,
                    "smart_epsilon",
                    0.3,
                    "smart_dropout",
                    masks,
                    "smart_projection",
                    projection,
                    "smart_bregman_mu",
                    masks == Masks.SHARED ? BREGMAN : 0)));
      }
    }
    return all;
  }

  private static List<CriterionOptions> freelbOptions() {
    List<CriterionOptions> all = new ArrayList<>();
    for (Norm norm : Norm.values()) {
      for (int steps : new int[] {1, 3}) {
        all.add(
            Options.parse(
                CriterionOptions.class,
                Map.of(
                    "freelb_steps", steps,
                    "freelb_adv_lr", 0.4,
                    "freelb_init_mag", 0.3,
                    "freelb_max_norm", 0.5,
                    "freelb_norm", norm)));
      }
    }
    return all;
  }

  /** Weights of the terms in the order in which they are computed. */
  private static double[] weights(String name, int terms, boolean regression) {
    if (name.equals("r_drop")) {
      return new double[] {0.5, regression ? LAMBDA : LAMBDA / 2};
    }
    double[] weights = new double[terms];
    weights[0] = 1;
    if (name.equals("freelb")) {
      Arrays.fill(weights, 1.0 / terms);
    } else if (terms > 1) {
      weights[terms - 1] = LAMBDA; // those between are what an ascent climbs
    }
    if (name.equals("smart") && terms > 2 + SMART_STEPS) {
      weights[1] = BREGMAN;
    }
    return weights;
  }

  private static List<CriterionOptions> r3fOptions() {
    List<CriterionOptions> all = new ArrayList<>();
    for (Masks masks : Masks.values()) {
      for (StopGrad stop : StopGrad.values()) {
        for (Compat compat : Compat.values()) {
          all.add(
              Options.parse(
                  CriterionOptions.class,
                  Map.of(
                      "eps", 0.3,
                      "r3f_lambda", LAMBDA,
                      "noise_type", NoiseType.NORMAL,
                      "r3f_dropout", masks,
                      "r3f_stop_grad", stop,
                      "r3f_compat", compat)));
        }
      }
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("variants")
  void agreesWithCentralDifferences(String name, CriterionOptions options, boolean regression) {
    ModelConfig config =
        regression
            ? TinyModels.regression(Architecture.BERT)
            : TinyModels.config(Architecture.ROBERTA, 3);
    PackedBatch batch = TinyModels.batch(config, KEY, 4, 1, 7, 3);
    Criterion criterion = Criteria.create(name, options);
    try (TestModel m = new TestModel(new ReferenceKernels(), config, KEY)) {
      ReferenceKernels reference = (ReferenceKernels) m.kernels;
      Map<String, Parameters> state = criterion.takeState(m.kernels, m.activations, m.model, KEY);
      criterion.beginUpdate(m.kernels);
      if (state.containsKey("teacher")) {
        TinyModels.randomise(m.kernels, state.get("teacher"), STEP);
      }
      FrozenBranch frozen =
          new FrozenBranch(
              reference, constants(name), options.r3f().r3fStopGrad() == StopGrad.NOISY);
      double loss = loss(name, criterion, m, frozen, batch);
      double[] gradient = m.values(m.gradients.block());
      double[] base = m.values(m.weights.block());
      assertTrue(loss > 0);
      SplittableRandom random = new SplittableRandom(3);
      for (int d = 0; d < DIRECTIONS; d++) {
        double[] direction = random.doubles(base.length, -1, 1).toArray();
        double near = 0;
        double far = 0;
        for (int sign : new int[] {1, -1}) {
          reference.fill(m.weights.block(), moved(base, direction, sign * H));
          near += sign * loss(name, criterion, m, frozen, batch);
          reference.fill(m.weights.block(), moved(base, direction, 2 * sign * H));
          far += sign * loss(name, criterion, m, frozen, batch);
        }
        double expected = (8 * near - far) / (12 * H);
        double actual = 0;
        for (int i = 0; i < base.length; i++) {
          actual += gradient[i] * direction[i];
        }
        assertEquals(expected, actual, 1e-5 * Math.abs(expected), "direction " + d);
      }
    }
  }

  /** The objective in double; the criterion's gradient is in the model's gradients. */
  private static double loss(
      String name, Criterion criterion, TestModel m, FrozenBranch frozen, PackedBatch batch) {
    frozen.begin();
    m.kernels.zero(m.gradients.block());
    Pass pass = new Pass(frozen.kernels(), m.activations, STEP, true, true);
    LossReport report = criterion.accumulate(m.model, pass, batch, SCALE, m.gradients);
    double[] weights = weights(name, frozen.terms.size(), m.config.regression());
    double total = 0;
    for (int i = 0; i < weights.length; i++) {
      total += weights[i] * frozen.sum(i);
    }
    assertEquals(total, report.loss(), 1e-6 * total);
    return SCALE * total;
  }

  private static double[] moved(double[] base, double[] direction, double h) {
    double[] moved = new double[base.length];
    for (int i = 0; i < base.length; i++) {
      moved[i] = base[i] + h * direction[i];
    }
    return moved;
  }
}
