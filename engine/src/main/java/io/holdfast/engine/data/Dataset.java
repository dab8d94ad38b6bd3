package io.holdfast.engine.data;

import io.holdfast.kernels.HoldfastException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The rows of one file, in its order.
 *
 * @param file null for texts that came from no file
 * @param sha256 of the file's bytes, in hexadecimal; null without a file
 * @param labelled every example has a label (or target); otherwise none has
 * @param notes lines worth telling the user: rows left out, columns in unusual places
 */
public record Dataset(
    Task task,
    Path file,
    String sha256,
    boolean labelled,
    List<Example> examples,
    List<String> notes) {

  public Dataset {
    examples = List.copyOf(examples);
    notes = List.copyOf(notes);
  }

  /**
   * Texts given directly, without labels. Throws (kind USAGE) for a text that is null and for pairs
   * of which a part is missing.
   *
   * @param seconds null for single texts
   */
  public static Dataset ofTexts(Task task, List<String> firsts, List<String> seconds) {
    if (seconds != null && seconds.size() != firsts.size()) {
      throw usage(firsts.size() + " first texts and " + seconds.size() + " second ones");
    }
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < firsts.size(); i++) {
      String second = seconds == null ? null : seconds.get(i);
      if (firsts.get(i) == null || seconds != null && second == null) {
        throw usage("text " + (i + 1) + " is null");
      }
      examples.add(new Example(firsts.get(i), second, -1, Float.NaN));
    }
    return new Dataset(task, null, null, false, examples, List.of());
  }

  private static HoldfastException usage(String message) {
    return new HoldfastException(HoldfastException.Kind.USAGE, message);
  }

  public int size() {
    return examples.size();
  }

  /** Class ids. */
  public int[] labels() {
    return examples.stream().mapToInt(Example::label).toArray();
  }

  /** Values to predict. */
  public double[] targets() {
    return examples.stream().mapToDouble(Example::target).toArray();
  }
}
