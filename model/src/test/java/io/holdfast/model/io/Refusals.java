package io.holdfast.model.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.HoldfastException;
import org.junit.jupiter.api.function.Executable;

/** Asserts that a file is refused as it should be. */
final class Refusals {

  private Refusals() {}

  /** Kind MODEL_FILE, one line, with every one of {@code parts}. */
  static void assertRefused(Executable action, String... parts) {
    HoldfastException e = assertThrows(HoldfastException.class, action);
    assertEquals(HoldfastException.Kind.MODEL_FILE, e.kind(), e.getMessage());
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> "'" + part + "' in: " + e.getMessage());
    }
  }
}
