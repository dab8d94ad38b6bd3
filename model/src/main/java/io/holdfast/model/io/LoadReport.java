package io.holdfast.model.io;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What became of a checkpoint's tensors.
 *
 * @param absent parameters of pooler and head that the checkpoint lacks, or has with another number
 *     of classes; their memory is untouched
 * @param ignored the checkpoint's tensors that nothing here uses
 */
public record LoadReport(Set<String> absent, List<String> ignored) {

  public LoadReport {
    absent = Collections.unmodifiableSet(new LinkedHashSet<>(absent));
    ignored = List.copyOf(ignored);
  }
}
