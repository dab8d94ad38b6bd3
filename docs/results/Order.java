import io.holdfast.engine.data.Batches;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The training batches of a run, a line each: the numbers of their rows. Arguments: rows, batch size, seed, epochs. */
class Order {
  public static void main(String[] args) {
    int[] a = java.util.Arrays.stream(args).mapToInt(Integer::parseInt).toArray();
    Batches batches = new Batches(new int[a[0]], new Batches.Limits(a[1], 0, false));
    for (int epoch = 0; epoch < a[3]; epoch++) {
      for (int[] rows : batches.training(a[2], epoch)) {
        System.out.println(IntStream.of(rows).mapToObj(String::valueOf).collect(Collectors.joining(" ")));
      }
    }
  }
}
