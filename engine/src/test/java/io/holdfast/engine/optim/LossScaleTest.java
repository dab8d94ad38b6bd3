package io.holdfast.engine.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.engine.options.Options;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LossScaleTest {

  private static LossScaleOptions options(Map<String, ?> values) {
    return Options.parse(LossScaleOptions.class, values);
  }

  /** '+' is an update, 'o' an overflow; the scale after each, as fairseq's scaler has it. */
  private static void follow(String attempts, int window, double... scales) {
    LossScale scale = LossScale.initial(8);
    for (int i = 0; i < attempts.length(); i++) {
      boolean good = attempts.charAt(i) == '+';
      scale = good ? scale.afterUpdate(window) : scale.afterOverflow(0);
      assertEquals(scales[i], scale.scale(), attempts + " after " + (i + 1));
    }
  }

  @Test
  void doublesAfterAWindowWithoutOverflow() {
    follow("+++++++", 3, 8, 8, 16, 16, 16, 32, 32);
    follow("+++", 1, 16, 32, 64);
  }

  /** The window is counted from the overflow on, which is its attempt 0. */
  @Test
  void halvesAtAnOverflow() {
    follow("++o+++++o", 3, 8, 8, 4, 4, 4, 8, 8, 8, 4);
    follow("ooo+++", 2, 4, 2, 1, 1, 2, 2);
  }

  @Test
  void doesNotFallBelowTheThreshold() {
    assertEquals(1, LossScale.initial(1.5).afterOverflow(1).scale());
    assertEquals(0.75, LossScale.initial(1.5).afterOverflow(0).scale());
  }

  @Test
  void theLastScaleIsWhereThereIsNoSmallerOne() {
    LossScaleOptions plain = options(Map.of("min_loss_scale", 0.25));
    assertFalse(plain.isLast(LossScale.initial(1)));
    assertTrue(plain.isLast(LossScale.initial(0.5)));
    LossScaleOptions bounded = options(Map.of("threshold_loss_scale", 1));
    assertFalse(bounded.isLast(LossScale.initial(2)));
    assertTrue(bounded.isLast(LossScale.initial(1)));
    assertTrue(options(Map.of("min_loss_scale", 0)).isLast(LossScale.initial(Double.MIN_VALUE)));
  }

  @Test
  void theWindowIsThatOfFairseq() {
    assertEquals(16384, options(Map.of()).window(1));
    assertEquals(4096, options(Map.of()).window(4));
    assertEquals(1, options(Map.of()).window(1 << 20));
    assertEquals(128, options(Map.of("fp16_scale_window", 128)).window(4));
  }
}
