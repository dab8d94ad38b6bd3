package io.holdfast.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.run.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelCardTest {

  private static final String BASE_CARD =
      """
      ---
      tags:
      - fill-mask
      license: mit
      license_link: https://example.org/license
      language:
      - en
      - !!java.lang.Object [{}]
      model-index:
      - name: theirs
      ---
      license: of the text below the head
      """;

  @TempDir Path folder;

  private String card(String output) throws IOException {
    return Files.readString(folder.resolve(output).resolve("README.md"));
  }

  private static String four(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  @Test
  void aGlueTaskWithABaseThatHasACard() throws IOException {
    TinyRun tiny = new TinyRun(folder, 24);
    Files.writeString(tiny.model().resolve("README.md"), BASE_CARD);
    Path configFile = tiny.model().resolve("config.json");
    ObjectNode config = Json.parse(Files.readString(configFile));
    Files.writeString(configFile, Json.pretty(config.put("_name_or_path", "acme/tiny-bert")));
    Outcome outcome = tiny.run(tiny.options("out", "max_steps", "1"));
    String head =
        """
        ---
        license: mit
        license_link: https://example.org/license
        language:
        - en
        library_name: transformers
        pipeline_tag: text-classification
        base_model: "acme/tiny-bert"
        datasets:
        - nyu-mll/glue
        tags:
        - holdfast
        - "cross_entropy"
        metrics:
        - matthews_correlation
        model-index:
        - name: "out"
          results:
          - task:
              type: text-classification
            dataset:
              type: nyu-mll/glue
              name: GLUE cola
              config: cola
              split: validation
            metrics:
            - type: matthews_correlation
              name: matthews_correlation
              value: %s
        ---

        # cola, fine-tuned with cross_entropy

        Started from `acme/tiny-bert`; trained by Holdfast\
        """
            .formatted(four(outcome.best().get("matthews_correlation")));
    assertTrue(card("out").startsWith(head), card("out"));
    assertTrue(card("out").contains("| max_steps | 1 |"));
  }

  @Test
  void aTaskOfOnesOwnWithABaseOfWhichNothingIsKnown() throws IOException {
    TinyRun tiny = new TinyRun(folder, 24);
    Files.writeString(folder.resolve("rows.tsv"), "text\ty\n" + "waf\t0.5\nwbq\t1.5\n".repeat(8));
    Map<String, String> options = tiny.options("own", "max_steps", "1");
    options.remove("task");
    options.remove("data_dir");
    options.put("train_file", folder.resolve("rows.tsv").toString());
    options.put("validation_file", folder.resolve("rows.tsv").toString());
    options.put("text_column", "text");
    options.put("label_column", "y");
    Outcome outcome = tiny.run(options);
    String head =
        """
        ---
        library_name: transformers
        pipeline_tag: text-classification
        tags:
        - holdfast
        - "cross_entropy"
        metrics:
        - pearsonr
        - spearmanr
        - mse
        model-index:
        - name: "own"
          results:
          - task:
              type: text-classification
            dataset:
              type: custom
              name: "rows.tsv"
            metrics:
            - type: pearsonr
              name: pearson
              value: %s
        """
            .formatted(four(outcome.best().get("pearson")));
    assertTrue(card("own").startsWith(head), card("own"));
    assertTrue(card("own").contains("\nStarted from `model`; "), card("own"));

    options.put("eval_strategy", "no");
    options.remove("validation_file");
    options.put("output_dir", tiny.output("unknown").toString());
    tiny.run(options);
    assertTrue(card("unknown").contains("\n- \"cross_entropy\"\n---\n"), card("unknown"));
    assertTrue(card("unknown").contains("Not evaluated."));
  }

  @Test
  void theBaseModelHasItsNameOnTheHubOrNone() {
    ObjectNode nothing = Json.object();
    assertEquals(
        "sentence-transformers/all-MiniLM-L6-v2", CardMetadata.baseModel("minilm", nothing));
    String cache = "/home/x/.cache/huggingface/hub/models--FacebookAI--roberta-base/snapshots/e2da";
    assertEquals("FacebookAI/roberta-base", CardMetadata.baseModel(cache, nothing));
    assertNull(CardMetadata.baseModel("/home/x/model", nothing));
    for (String path : new String[] {"/home/x/model", "./model", "a/b/c", "..", ""}) {
      assertNull(CardMetadata.baseModel("model", Json.object().put("_name_or_path", path)), path);
    }
  }
}
