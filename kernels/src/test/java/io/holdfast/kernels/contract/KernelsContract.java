package io.holdfast.kernels.contract;

import io.holdfast.kernels.Kernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * What every backend must pass: each operation on awkward shapes against the reference, with guard
 * words, alignment, determinism, random bits and special values. A backend's test extends this and
 * supplies the backend.
 */
public abstract class KernelsContract
    implements MemoryContract,
        LinearContract,
        SpectralContract,
        RowContract,
        RandomContract,
        AscentContract,
        AttentionContract,
        LossContract,
        UpdateContract {

  private Kernels kernels;

  protected abstract Kernels open();

  @BeforeEach
  final void openBackend() {
    kernels = open();
  }

  @AfterEach
  final void closeBackend() {
    kernels.close();
  }

  @Override
  public final Kernels kernels() {
    return kernels;
  }

  @Override
  public double roundoff() {
    return 0x1p-24;
  }

  @Override
  public double productRoundoff() {
    return roundoff();
  }
}
