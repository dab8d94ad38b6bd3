package io.holdfast.model;

import io.holdfast.kernels.Arena;
import io.holdfast.kernels.Kernels;
import io.holdfast.kernels.Key;
import io.holdfast.kernels.Tensor;

/**
 * One forward and its backward: where it runs, where its activations live, which random numbers it
 * draws. Several can be alive at once.
 *
 * @param arena activations are taken from it; the caller's scope gives them back
 * @param key of this step; layers add their {@link Sites}
 * @param training dropout is on
 * @param weightGradients false: a backward computes the gradient of its input alone
 * @param hiddenNoise joins the inputs of the encoder layers; null: none
 * @param lossScale what gradients that go into a backward are multiplied with, so that they do not
 *     vanish in half precision
 */
public record Pass(
    Kernels kernels,
    Arena arena,
    Key key,
    boolean training,
    boolean weightGradients,
    HiddenNoise hiddenNoise,
    float lossScale) {

  public Pass(Kernels kernels, Arena arena, Key key, boolean training, boolean weightGradients) {
    this(kernels, arena, key, training, weightGradients, null, 1f);
  }

  public Pass withLossScale(float scale) {
    return new Pass(kernels, arena, key, training, weightGradients, hiddenNoise, scale);
  }

  public Pass withHiddenNoise(HiddenNoise noise) {
    return new Pass(kernels, arena, key, training, weightGradients, noise, lossScale);
  }

  /** An activation of the backend's real type. */
  public Tensor take(int rows, int cols) {
    return arena.take(kernels.real(), rows, cols);
  }

  /** One of the type of hidden states. */
  public Tensor takeHidden(int rows, int cols) {
    return arena.take(kernels.hidden(), rows, cols);
  }

  /** The dropout probability in force. */
  public float dropout(float probability) {
    return training ? probability : 0f;
  }

  /** The same pass, whose backward computes the gradient of its input alone. */
  public Pass ofInput() {
    return new Pass(kernels, arena, key, training, false, hiddenNoise, lossScale);
  }

  /** The same pass with other draws. */
  public Pass withKey(Key other) {
    return new Pass(kernels, arena, other, training, weightGradients, hiddenNoise, lossScale);
  }

  public Key key(int site) {
    return key.at(site);
  }
}
