package io.holdfast.kernels;

/** Distribution of the noise z that R3F adds to the embeddings. */
public enum NoiseType {
  /** z ~ U(−eps, eps): {@code eps · (2u − 1)}, u the uniform of the element's word. */
  UNIFORM,
  /**
   * z ~ N(0, eps²): eps is the standard deviation. Box–Muller, {@code eps · sqrt(−2 ln(1 − u)) ·
   * cos(2πu')} and the same with the sine, on two words of one counter: columns 0–7 and 8–15 of a
   * group of 32 take the cosine and the sine with (u, u') from words 0 and 1, columns 16–23 and
   * 24–31 those of words 2 and 3.
   */
  NORMAL
}
