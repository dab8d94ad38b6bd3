package io.holdfast.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.holdfast.kernels.HoldfastException;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The emulated driver finds what is wrong with the kernels of faults.cu. */
class EmulationTest {

  private final CudaDevice device = open();
  private final Launch launch = new Launch(device);
  private final long y = device.allocate(4);

  private static CudaDevice open() {
    assumeFalse(EmulatedCuda.onDevice(), "a device does not find these faults");
    EmulatedCuda.libraries();
    return new CudaDevice(EmulatedCuda.source(), false);
  }

  @AfterEach
  void close() {
    device.release(y);
    launch.close();
    device.close();
  }

  @ParameterizedTest
  @CsvSource({
    "someWaitForTheBlock, barrier divergence",
    "waitAtDifferentPlaces, barrier divergence",
    "someLanesLeave, warp divergence",
    "writesBehindItsSharedMemory, shared memory written at byte 256 of 256"
  })
  void aFaultIsSaid(String kernel, String fault) {
    for (int i = 0; i < 4; i++) { // in either order, and after a fault
      HoldfastException e =
          assertThrows(HoldfastException.class, () -> launch.of(kernel).run(2, 1, 1, 64, 256));
      assertTrue(e.getMessage().contains(fault), e.getMessage());
    }
  }

  @Test
  void argumentsOfTheWrongTypeAreSaid() {
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> launch.of("trustsTheOrderOfBlocks").number(1f).run(1, 1, 32));
    assertEquals("kernel trustsTheOrderOfBlocks takes L, not F", e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> launch.of("noSuchKernel").run(1, 1, 32));
  }

  @Test
  void sharedMemoryBeginsAsNan() {
    launch.of("readsWhatNobodyWrote").number(y).run(1, 1, 1, 32, 128);
    assertTrue(Float.isNaN(value()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"trustsTheOrderOfThreads", "trustsTheOrderOfBlocks"})
  void whatDependsOnTheOrderDiffers(String kernel) {
    Set<Float> results = new HashSet<>();
    for (int i = 0; i < 4; i++) {
      launch.of(kernel).number(y).run(2, 1, 1, 64, 0);
      results.add(value());
    }
    assertEquals(2, results.size(), results.toString());
  }

  @Test
  void whatWarpsDoOnTheirOwnLeavesTheBlockAlone() {
    for (int threads : new int[] {1024, 64, 256}) {
      launch.of("votesOfUnevenWarps").number(y).run(1, 1, 1, threads, 0);
      assertEquals(1, value());
    }
  }

  private float value() {
    device.copyOut(y, 4);
    return device.staging().getFloat(0);
  }
}
