package io.holdfast.model;

/**
 * Where in the model random numbers are drawn: the last part of a {@link io.holdfast.kernels.Key}.
 */
public final class Sites {

  public static final int EMBEDDING_NOISE = 0;
  public static final int EMBEDDING_DROPOUT = 1;
  public static final int HEAD_INPUT_DROPOUT = 2;
  public static final int HEAD_DROPOUT = 3;
  public static final int SMART_START = 4;
  public static final int PERTURBED_BRANCH = 5;
  public static final int FREELB_START = 6;
  public static final int MIXOUT = 7;
  public static final int SIFT_START = 8;

  private static final int FIRST_LAYER = 16;
  private static final int PER_LAYER = 4;

  private Sites() {}

  public static int attentionDropout(int layer) {
    return FIRST_LAYER + PER_LAYER * layer;
  }

  public static int attentionOutputDropout(int layer) {
    return FIRST_LAYER + PER_LAYER * layer + 1;
  }

  public static int feedForwardDropout(int layer) {
    return FIRST_LAYER + PER_LAYER * layer + 2;
  }

  public static int layerInputNoise(int layer) {
    return FIRST_LAYER + PER_LAYER * layer + 3;
  }
}
