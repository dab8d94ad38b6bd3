package io.holdfast.model.io;

import java.util.List;
import java.util.Set;

/**
 * What became of a checkpoint's tensors.
 *
 * @param absent parameters of pooler and head that the checkpoint lacks, or has with another number
 *     of classes; their memory is untouched
 * @param ignored the checkpoint's tensors that nothing here uses
 * @param checkpointOutputs outputs of the checkpoint's own head, 0 if it has none
 */
public record LoadReport(Set<String> absent, List<String> ignored, int checkpointOutputs) {

  public LoadReport {
    absent = Set.copyOf(absent);
    ignored = List.copyOf(ignored);
  }
}
