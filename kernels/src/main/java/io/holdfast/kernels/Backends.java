package io.holdfast.kernels;

/** The only place where a backend is named. */
public final class Backends {

  private Backends() {}

  /**
   * Opens a backend, or says in one line why not (kind BACKEND).
   *
   * @param threads worker threads, the caller included
   */
  public static Kernels open(String name, int threads, Precision precision) {
    throw new HoldfastException(
        HoldfastException.Kind.BACKEND,
        "no backend named '" + name + "': use cpu (or null, which computes nothing)");
  }
}
