package io.holdfast.engine.criteria;

import io.holdfast.kernels.HoldfastException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The only registry of criteria: a new one is a class and a line here. */
public final class Criteria {

  private static final Map<String, Function<CriterionOptions, Criterion>> FACTORIES =
      new LinkedHashMap<>();

  static {
    FACTORIES.put("cross_entropy", options -> new CrossEntropy());
    FACTORIES.put("r3f", options -> new R3f(options.r3f()));
    FACTORIES.put("r4f", options -> new R4f(options.r3f(), options.r4f()));
    FACTORIES.put("smart", options -> new Smart(options.smart()));
    FACTORIES.put("freelb", options -> new Freelb(options.freelb()));
    FACTORIES.put("r_drop", options -> new RDrop(options.rDrop()));
    FACTORIES.put("hype", options -> new Hype(options.hype()));
    FACTORIES.put("sift", options -> new Sift(options.sift()));
  }

  private Criteria() {}

  public static List<String> names() {
    return List.copyOf(FACTORIES.keySet());
  }

  /** The criterion of that name, or a usage error that lists the names there are. */
  public static Criterion create(String name, CriterionOptions options) {
    Function<CriterionOptions, Criterion> factory = FACTORIES.get(name);
    if (factory == null) {
      throw new HoldfastException(
          HoldfastException.Kind.USAGE,
          "no criterion named '" + name + "': use one of " + String.join(", ", names()));
    }
    return factory.apply(options);
  }
}
