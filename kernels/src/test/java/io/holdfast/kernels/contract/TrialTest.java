package io.holdfast.kernels.contract;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.DType;
import io.holdfast.kernels.Tensor;
import io.holdfast.kernels.reference.ReferenceKernels;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The contract notices: each defect is planted in a backend that is otherwise the reference. */
class TrialTest {

  private final ReferenceKernels backend = new ReferenceKernels();

  private interface Defect {
    void after(Tensor y, Tensor x);
  }

  private void gelu(Defect defect) {
    new Trial(backend, "gelu", 0x1p-24)
        .in("x", 3, 7)
        .in("b", 1, 7)
        .out("y", 3, 7)
        .run(
            (k, t) -> {
              k.biasGelu(t.get("y"), t.get("x"), t.get("b"));
              if (k == backend) {
                defect.after(t.get("y"), t.get("x"));
              }
            });
  }

  private void assertNoticed(String message, Defect defect) {
    AssertionError error = assertThrows(AssertionError.class, () -> gelu(defect));
    assertTrue(error.getMessage().contains(message), error.getMessage());
  }

  /** Finite, but not known: then no number is near enough. */
  @Test
  void withoutAToleranceNothingPasses() {
    Trial trial = new Trial(backend, "copy", 0x1p-24).in("x", 1, 2, 3, 4).out("y", 1, 2);
    Trial.Operation operation =
        (k, t) -> {
          k.copy(t.get("y"), t.get("x"));
          ReferenceKernels reference = (ReferenceKernels) k;
          if (reference.get(t.get("x"), 0) != 3) {
            reference.set(t.get("y"), 1, Double.NaN);
          }
        };
    AssertionError error = assertThrows(AssertionError.class, () -> trial.run(operation));
    assertTrue(error.getMessage().contains("tolerance NaN"), error.getMessage());
  }

  private Tensor beyond(Tensor y, long bytes) {
    return new Tensor(y.slab(), y.offset() + bytes, 1, 1, DType.F64);
  }

  @Test
  void nothingWrong() {
    gelu((y, x) -> {});
    gelu((y, x) -> backend.set(y, 4, backend.get(y, 4) * (1 + 0x1p-24)));
  }

  @Test
  void oneElementOff() {
    assertNoticed("y[1, 3] is", (y, x) -> backend.set(y, 10, backend.get(y, 10) + 1e-5));
  }

  @Test
  void oneElementNotWritten() {
    assertNoticed("y[2, 6] is NaN", (y, x) -> backend.set(y, 20, Double.NaN));
  }

  @Test
  void writtenOutOfBounds() {
    assertNoticed(
        "written out of bounds behind y", (y, x) -> backend.set(beyond(y, y.bytes()), 0, 0));
    assertNoticed("written out of bounds behind b", (y, x) -> backend.set(beyond(y, -8), 0, 0));
    assertNoticed(
        "written out of bounds before x", (y, x) -> backend.set(beyond(x, -8), 0, Double.NaN));
  }

  @Test
  void inputChanged() {
    assertNoticed("input changed, x", (y, x) -> backend.set(x, 0, 0));
  }

  @Test
  void resultOfTheSecondCallDiffers() {
    AtomicInteger calls = new AtomicInteger();
    assertNoticed(
        "second call, y",
        (y, x) -> backend.set(y, 0, backend.get(y, 0) + 1e-5 * calls.getAndIncrement()));
  }
}
