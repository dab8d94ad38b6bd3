package io.holdfast.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdfast.kernels.none.NullKernels;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class CheckedKernelsTest {

  private static final int N = 6;
  private static final int H = 4;

  private final NullKernels backend = new NullKernels();
  private final Kernels kernels = new CheckedKernels(backend.kernels());
  private final Arena arena = new Arena(kernels, 1 << 16);
  private final Key key = Key.of(1);
  private final Rows rows = new Rows(ints(N), ints(N));
  private final Sequences sequences = new Sequences(ints(3), ints(2), N);

  private Tensor reals(int rows, int cols) {
    return arena.take(DType.F32, rows, cols);
  }

  private Tensor ints(int rows) {
    return arena.take(DType.I32, rows, 1);
  }

  private record Call(String operation, Object... arguments) {}

  /** A right call of every operation. */
  private List<Call> rightCalls() {
    Tensor x = reals(N, H);
    Tensor row = reals(1, H);
    Tensor column = reals(N, 1);
    AdamStep step = new AdamStep(1, 0, 0, 1, 0, 1, 1, false, 1);
    return List.of(
        new Call("copy", reals(N, H), x),
        new Call("axpby", reals(N, H), 2f, x, 3f),
        new Call("linear", reals(N, 3), x, reals(3, H), reals(1, 3)),
        new Call("linearBackwardInput", reals(N, H), reals(N, 3), reals(3, H), false),
        new Call("linearBackwardWeight", reals(3, H), reals(1, 3), reals(N, 3), x),
        new Call("spectralNorm", reals(N, H), reals(1, 1), reals(1, N), reals(1, H), x, 1, false),
        new Call(
            "spectralNormBackward",
            reals(N, H),
            reals(N, H),
            x,
            reals(1, 1),
            reals(1, N),
            reals(1, H),
            true),
        new Call("gather", reals(N, H), reals(9, H), ints(N)),
        new Call("gatherBackward", reals(9, H), x, ints(N)),
        new Call("embeddingSum", reals(N, H), x, reals(9, H), ints(N), reals(2, H), ints(N)),
        new Call("addNoise", reals(N, H), x, NoiseType.NORMAL, 0.1f, key, rows),
        new Call("ascend", reals(N, H), x, sequences, Norm.L2, 0.1f, 0f, 1f),
        new Call("dropout", reals(N, H), x, 0.1f, key, rows),
        new Call("layerNorm", reals(N, H), column, reals(N, 1), x, row, reals(1, H), 1e-5f),
        new Call(
            "layerNormBackward",
            reals(N, H),
            reals(1, H),
            reals(1, H),
            reals(N, H),
            x,
            column,
            reals(N, 1),
            row),
        new Call(
            "dropoutAddLayerNorm",
            reals(N, H),
            reals(N, H),
            column,
            reals(N, 1),
            x,
            reals(N, H),
            row,
            reals(1, H),
            1e-5f,
            0.1f,
            key,
            rows),
        new Call(
            "dropoutAddLayerNormBackward",
            reals(N, H),
            reals(N, H),
            reals(1, H),
            reals(1, H),
            reals(N, H),
            x,
            column,
            reals(N, 1),
            row,
            0.1f,
            key,
            rows),
        new Call("biasGelu", reals(N, H), x, row),
        new Call("biasGeluBackward", reals(N, H), reals(N, H), x, row),
        new Call("tanh", reals(N, H), x),
        new Call("tanhBackward", reals(N, H), reals(N, H), x),
        new Call("attention", x, reals(N, 2), null, reals(N, 3 * H), sequences, 2, 0.1f, key),
        new Call(
            "attentionBackward",
            reals(N, 3 * H),
            null,
            reals(N, H),
            x,
            reals(N, 2),
            reals(N, 3 * H),
            sequences,
            2,
            0.1f,
            key),
        new Call("crossEntropy", column, reals(N, H), x, ints(N), 1f),
        new Call("symmetricKl", column, reals(N, H), reals(N, H), x, reals(N, H), 1f),
        new Call("squaredError", column, reals(N, 1), reals(N, 1), reals(N, 1), 1f),
        new Call("sumOfSquares", x),
        new Call("adamw", x, reals(N, H), reals(N, H), reals(N, H), step));
  }

  @Test
  void rightCallsReachTheBackend() throws Throwable {
    for (Call call : rightCalls()) {
      invoke(call.operation, call.arguments);
      assertEquals(1, backend.calls(call.operation), call.operation);
    }
  }

  /** Each tensor of each call in turn: one row more, one column more, another type, closed. */
  @Test
  void everyWrongTensorIsRefused() {
    Arena other = new Arena(kernels, 1 << 16);
    Tensor closed = other.take(DType.F32, N, H);
    other.close();
    int refused = 0;
    for (Call call : rightCalls()) {
      for (int i = 0; i < call.arguments.length; i++) {
        if (!(call.arguments[i] instanceof Tensor t)) {
          continue;
        }
        for (Tensor wrong : wrong(call.operation, t)) {
          String message = refusal(IllegalArgumentException.class, call, i, wrong);
          assertTrue(message.startsWith(call.operation + ": "), message);
          assertTrue(message.contains("["), message);
          refused++;
        }
        Tensor dead = new Tensor(closed.slab(), 0, t.rows(), t.cols(), t.dtype());
        refusal(IllegalStateException.class, call, i, dead);
      }
    }
    assertTrue(refused > 200, refused + " refusals");
  }

  private List<Tensor> wrong(String operation, Tensor t) {
    List<Tensor> wrong = new ArrayList<>();
    if (!operation.equals("sumOfSquares")) {
      boolean table = t.rows() == 9 || t.rows() == 2 && t.cols() == H;
      if (!table) {
        wrong.add(arena.take(t.dtype(), t.rows() + 1, t.cols()));
      }
      wrong.add(arena.take(t.dtype(), t.rows(), t.cols() + 1));
    }
    wrong.add(arena.take(t.dtype() == DType.I32 ? DType.F32 : DType.I32, t.rows(), t.cols()));
    return wrong;
  }

  private String refusal(Class<? extends Throwable> type, Call call, int i, Tensor wrong) {
    Object[] arguments = call.arguments.clone();
    arguments[i] = wrong;
    Executable invoke = () -> invoke(call.operation, arguments);
    return assertThrows(type, invoke, () -> call.operation + ", argument " + i + " " + wrong)
        .getMessage();
  }

  private void invoke(String operation, Object... arguments) throws Throwable {
    for (Method method : Kernels.class.getMethods()) {
      if (method.getName().equals(operation)) {
        try {
          method.invoke(kernels, arguments);
        } catch (InvocationTargetException e) {
          throw e.getCause();
        }
        return;
      }
    }
    throw new AssertionError("no operation " + operation);
  }

  @Test
  void saysWhatIsWrong() {
    assertRefused(
        "linear: w is [3, 5] F32, expected [3, 4] F32",
        () -> kernels.linear(reals(N, 3), reals(N, 4), reals(3, 5), null));
    assertRefused(
        "gather: ids is [6, 1] F32, expected [6, 1] I32",
        () -> kernels.gather(reals(N, H), reals(9, H), reals(N, 1)));
    assertRefused(
        "attention: qkv [6, 12] is not 3 × 3 heads",
        () ->
            kernels.attention(
                reals(N, H), reals(N, 3), null, reals(N, 3 * H), sequences, 3, 0, key));
    assertRefused(
        "dropout: dropout probability 1.0 is not in [0, 1)",
        () -> kernels.dropout(reals(N, H), reals(N, H), 1, key, rows));
    assertRefused(
        "upload: [2, 3] at 4 of an array of 9", () -> kernels.upload(reals(2, 3), new float[9], 4));
    assertRefused(
        "spectralNorm: -1 iterations",
        () ->
            kernels.spectralNorm(
                reals(N, H), reals(1, 1), reals(1, N), reals(1, H), reals(N, H), -1, true));
    assertRefused(
        "ascend: floor 0.0, radius -1.0",
        () -> kernels.ascend(reals(N, H), reals(N, H), sequences, Norm.LINF, 1, 0, -1));
    assertRefused(
        "attention: no key",
        () ->
            kernels.attention(
                reals(N, H), reals(N, 2), null, reals(N, 3 * H), sequences, 2, 0, null));
    assertRefused("allocate: -1 bytes", () -> kernels.allocate(-1));
  }

  @Test
  void outputsMayNotOverlapInputsUnlessInPlace() {
    Tensor both = reals(8, H);
    Tensor x = both.rows(0, N);
    Tensor shifted = both.rows(1, N + 1);
    assertRefused("tanh: [6, 4] and [6, 4] overlap", () -> kernels.tanh(shifted, x));
    kernels.tanh(x, x);
    assertRefused("biasGelu: [6, 4] and [6, 4] overlap", () -> kernels.biasGelu(x, x, reals(1, H)));
    kernels.copy(both.rows(0, 4), both.rows(4, 8));
    assertRefused(
        "copy: [5, 4] and [5, 4] overlap", () -> kernels.copy(both.rows(0, 5), both.rows(3, 8)));
  }

  /** The tensors that an operation writes, by place; {@code 0=1}: 0 may be in place of 1. */
  private static final Map<String, String> WRITES =
      Map.ofEntries(
          Map.entry("copy", "0"),
          Map.entry("axpby", "0"),
          Map.entry("linear", "0"),
          Map.entry("linearBackwardInput", "0"),
          Map.entry("linearBackwardWeight", "0 1"),
          Map.entry("spectralNorm", "0 1 2 3 0=4"),
          Map.entry("spectralNormBackward", "0"),
          Map.entry("gather", "0"),
          Map.entry("gatherBackward", "0"),
          Map.entry("embeddingSum", "0 0=1"),
          Map.entry("addNoise", "0 0=1"),
          Map.entry("ascend", "0"),
          Map.entry("dropout", "0 0=1"),
          Map.entry("layerNorm", "0 1 2"),
          Map.entry("layerNormBackward", "0 1 2 0=3"),
          Map.entry("dropoutAddLayerNorm", "0 1 2 3 1=4"),
          Map.entry("dropoutAddLayerNormBackward", "0 1 2 3 1=4"),
          Map.entry("biasGelu", "0"),
          Map.entry("biasGeluBackward", "0 0=1"),
          Map.entry("tanh", "0 0=1"),
          Map.entry("tanhBackward", "0 0=1"),
          Map.entry("attention", "0 1"),
          Map.entry("attentionBackward", "0"),
          Map.entry("crossEntropy", "0 1"),
          Map.entry("symmetricKl", "0 1 2"),
          Map.entry("squaredError", "0 1"),
          Map.entry("sumOfSquares", ""),
          Map.entry("adamw", "0 1 2"));

  /** Every output of every call in the memory of every other tensor of it. */
  @Test
  void everyOverlapIsRefusedUnlessInPlace() throws Throwable {
    for (Call call : rightCalls()) {
      List<String> writes = List.of(WRITES.get(call.operation).split(" "));
      for (int i = 0; i < call.arguments.length; i++) {
        for (int j = 0; j < call.arguments.length; j++) {
          if (i == j
              || !writes.contains("" + i)
              || !(call.arguments[i] instanceof Tensor out)
              || !(call.arguments[j] instanceof Tensor other)) {
            continue;
          }
          Tensor there =
              new Tensor(other.slab(), other.offset(), out.rows(), out.cols(), out.dtype());
          if (writes.contains(i + "=" + j)) {
            Object[] inPlace = call.arguments.clone();
            inPlace[i] = there;
            invoke(call.operation, inPlace);
          } else {
            String message = refusal(IllegalArgumentException.class, call, i, there);
            assertTrue(message.endsWith(" overlap"), message);
          }
        }
      }
    }
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }
}
