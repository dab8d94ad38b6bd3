package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.holdfast.engine.criteria.LossReport;
import io.holdfast.model.Work;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrainStateTest {

  private static void update(TrainState state, long tokens, double seconds) {
    state.step++;
    state.add(new LossReport(1, tokens, 1, Map.of()), Work.NONE, seconds);
  }

  /** A run of 10 tokens/s that goes on at 100: what is left is told by the second. */
  @Test
  void theSpeedIsThatSinceTheMark() {
    TrainState state = new TrainState();
    update(state, 100, 10);
    update(state, 100, 10);
    TrainState.Mark mark = state.mark();
    update(state, 200, 2);
    update(state, 400, 4);
    assertEquals(100, state.tokensPerSecond(mark));
    assertEquals(3, state.secondsPerStep(mark));
    assertEquals(800 / 26.0, state.tokensPerSecond());
  }
}
