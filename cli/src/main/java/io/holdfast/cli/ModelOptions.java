package io.holdfast.cli;

import io.holdfast.engine.train.Predictor;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What opening a trained model takes. */
final class ModelOptions {

  @Option(
      names = "--model",
      paramLabel = "<path>",
      description = "a trained model: a folder in Hugging Face layout")
  String model;

  @Mixin private InferenceOptions inference;

  @Option(names = "--json", description = "print JSON on stdout")
  boolean json;

  Predictor open() {
    if (model == null) {
      throw Main.usage("--model is missing: name the folder of a trained model");
    }
    return Predictor.open(model, inference.settings(), InferenceOptions.WARNINGS);
  }
}
