package io.holdfast.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.compare.TrialRunner.TrialFailure;
import io.holdfast.engine.train.StopSignal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A class path that changes under a grid, as a build does to it. */
class PlaceTest {

  @TempDir Path folder;

  @Test
  void aGridDoesNotGoOnWithAnotherProgram() throws IOException {
    Path jar = Files.writeString(folder.resolve("holdfast.jar"), "a");
    StopSignal stop = new StopSignal();
    ChildTraining training = new ChildTraining(new Place.Here(jar.toString()), Keep.MODEL);
    TrialFailure e =
        assertThrows(
            TrialFailure.class, () -> training.run(SparkPlaceTest.TRIAL, share -> {}, stop));
    assertEquals(1, e.exitCode(), "what java says of a jar that is none");
    assertFalse(stop.isRequested());
    Files.writeString(jar, "ab");
    assertNull(training.run(SparkPlaceTest.TRIAL, share -> {}, stop));
    assertTrue(stop.isRequested());
  }
}
