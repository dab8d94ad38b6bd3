package io.holdfast.engine.train;

import java.util.LinkedHashMap;
import java.util.Map;

/** A training run in a process of its own, to be killed. Arguments: keys and values of options. */
final class TrainingChild {

  private TrainingChild() {}

  public static void main(String[] args) {
    Map<String, String> options = new LinkedHashMap<>();
    for (int i = 0; i < args.length; i += 2) {
      options.put(args[i], args[i + 1]);
    }
    ProgressListener slow =
        new ProgressListener() {
          @Override
          public void step(Step step) {
            try {
              Thread.sleep(5); // so that a kill falls into the run and not behind it
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }
        };
    TrainJob.run(TrainConfig.of(options), slow, new StopSignal());
  }
}
