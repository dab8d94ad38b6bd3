package io.holdfast.model.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.model.files.StrictJson;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * fairseq's way to RoBERTa's ids: encoder.json gives a GPT-2 id to each piece, dict.txt lists those
 * ids (in decimal, with a count) in the order of the model's own. Four specials come first, {@code
 * <mask>} last:
 *
 * <pre>
 * 0 &lt;s&gt;   1 &lt;pad&gt;   2 &lt;/s&gt;   3 &lt;unk&gt;   4 … the lines of dict.txt   then &lt;mask&gt;
 * </pre>
 */
final class FairseqDictionary {

  private static final String FILLER = "madeupword";
  private static final String OVERWRITE = " #fairseq:overwrite";

  private FairseqDictionary() {}

  /** Pieces and their ids, as Hugging Face's vocab.json has them. */
  static ObjectNode vocabulary(ObjectNode encoder, String dictionary, String place) {
    Map<String, String> pieces = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : encoder.properties()) {
      pieces.put(entry.getValue().asText(), entry.getKey());
    }
    ObjectNode vocabulary = StrictJson.newObject();
    List.of("<s>", "<pad>", "</s>", "<unk>")
        .forEach(special -> vocabulary.put(special, vocabulary.size()));
    int number = 0;
    for (String line : TokenizerJson.lines(dictionary)) {
      number++;
      String entry =
          line.endsWith(OVERWRITE) ? line.substring(0, line.length() - OVERWRITE.length()) : line;
      int space = entry.lastIndexOf(' ');
      String symbol = space < 0 ? "" : entry.substring(0, space);
      String piece = symbol.startsWith(FILLER) ? symbol : pieces.get(symbol);
      if (piece == null) {
        throw TokenizerJson.bad(place + ":" + number, "not '<id of encoder.json> <count>'");
      }
      if (vocabulary.has(piece)) {
        throw TokenizerJson.bad(place + ":" + number, "'" + symbol + "' is there twice");
      }
      vocabulary.put(piece, vocabulary.size());
    }
    return vocabulary.put("<mask>", vocabulary.size());
  }
}
