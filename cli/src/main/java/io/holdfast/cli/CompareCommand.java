package io.holdfast.cli;

import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.criteria.Criteria;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** holdfast compare: several criteria, several seeds, one report. */
@Command(
    name = "compare",
    header = "Trains with several criteria and seeds, and compares them.",
    customSynopsis =
        "holdfast compare --criteria LIST --seeds 0-9 --model MODEL --task TASK --data-dir DIR"
            + " --output-dir OUT [OPTION...]",
    description = {
      "Runs of one seed start from the same weights, see the same batches in the same order and",
      "share the dropout masks of the passes they have in common, whatever the criterion: each",
      "random number is a function of seed, update and place, and none comes from a shared state.",
      "OUT gets a folder a run, ledger.jsonl (a line a run), report.md and report.html. The same",
      "command goes on after a stop or a crash; with more criteria or seeds it adds what is missing.",
      "Every option of train is one of all runs.",
      ""
    },
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class CompareCommand implements Callable<Integer> {

  @Option(
      names = "--criteria",
      paramLabel = "<list>",
      description = "training objectives, as cross_entropy,r3f; default: all there are")
  private String criteria = String.join(",", Criteria.names());

  @Mixin private GridOptions grid;
  @Mixin private TrainArguments arguments;

  @Override
  public Integer call() {
    if (arguments.listsRecipes()) {
      System.out.print(Recipes.list());
      return 0;
    }
    TrainArguments.Given given = arguments.given();
    if (given.flags().containsKey("criterion")) {
      throw Main.usage("--criterion names one: compare takes --criteria");
    }
    Map<String, Map<String, String>> settings = new LinkedHashMap<>();
    for (String name : criteria.split(",", -1)) {
      String criterion = TrainFlags.ours("criterion", name.strip());
      if (settings.put(criterion, Map.of("criterion", criterion)) != null) {
        throw Main.usage("--criteria names " + criterion + " twice");
      }
    }
    return grid.run(given, settings, "0-4", Comparison.Order.GIVEN);
  }
}
