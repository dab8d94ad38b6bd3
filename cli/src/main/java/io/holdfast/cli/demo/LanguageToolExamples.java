package io.holdfast.cli.demo;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.xml.XMLConstants;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * The examples in LanguageTool's rule file as pairs of a wrong and a corrected sentence.
 *
 * <pre>
 * &lt;example correction="their|there"&gt;It was &lt;marker&gt;they're&lt;/marker&gt; idea.&lt;/example&gt;
 *   wrong: It was they're idea.    right: It was their idea.
 * </pre>
 *
 * The document declares internal entities for its patterns. They are never expanded in text (an
 * example that refers to one is left out), external ones are refused, and the JDK's limits bound
 * those in attributes.
 */
final class LanguageToolExamples {

  /** Categories about words and their order. The others are about case, dots and spaces. */
  private static final Set<String> CATEGORIES =
      Set.of("GRAMMAR", "COLLOCATIONS", "CONFUSED_WORDS", "NONSTANDARD_PHRASES", "TYPOS");

  private static final long LARGEST_FILE = 64L << 20;
  private static final int LONGEST_SENTENCE = 1000;

  /**
   * A sentence that a rule corrects.
   *
   * @param rule id of the rule, or of the group it belongs to
   */
  record Pair(String rule, String wrong, String right) {}

  private final XMLStreamReader xml;
  private final List<Pair> pairs = new ArrayList<>();
  private boolean wanted;
  private String rule = "";
  private boolean inGroup;

  private LanguageToolExamples(XMLStreamReader xml) {
    this.xml = xml;
  }

  /** Every usable example, in file order. */
  static List<Pair> read(Path file) {
    try {
      if (Files.size(file) > LARGEST_FILE) {
        throw bad(file, "larger than 64 MiB", null);
      }
      try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
        LanguageToolExamples examples =
            new LanguageToolExamples(factory().createXMLStreamReader(in));
        examples.run();
        return examples.pairs;
      }
    } catch (XMLStreamException e) {
      throw bad(file, e.getMessage().replaceAll("\\s+", " "), e);
    } catch (IOException e) {
      throw new HoldfastException(
          HoldfastException.Kind.IO,
          file + ": cannot be read (" + AtomicFile.reason(e) + "); build again: ./mvnw package",
          e);
    }
  }

  private static HoldfastException bad(Path file, String what, Throwable cause) {
    return new HoldfastException(
        HoldfastException.Kind.DATA, file + ": not LanguageTool's rules: " + what, cause);
  }

  private static XMLInputFactory factory() {
    XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
    factory.setProperty(XMLInputFactory.IS_REPLACING_ENTITY_REFERENCES, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    factory.setProperty(XMLConstants.ACCESS_EXTERNAL_DTD, "");
    factory.setXMLResolver(
        (publicId, systemId, base, namespace) -> {
          throw new XMLStreamException("external entity " + systemId);
        });
    return factory;
  }

  private void run() throws XMLStreamException {
    while (xml.hasNext()) {
      int event = xml.next();
      if (event == XMLStreamConstants.START_ELEMENT) {
        start();
      } else if (event == XMLStreamConstants.END_ELEMENT
          && xml.getLocalName().equals("rulegroup")) {
        inGroup = false;
      }
    }
  }

  private void start() throws XMLStreamException {
    switch (xml.getLocalName()) {
      case "category" -> wanted = CATEGORIES.contains(attribute("id"));
      case "rulegroup" -> {
        rule = attribute("id");
        inGroup = true;
      }
      case "rule" -> {
        if (!inGroup) {
          rule = attribute("id");
        }
      }
      case "example" -> {
        if (wanted) {
          example(attribute("correction"));
        }
      }
      default -> {}
    }
  }

  private String attribute(String name) {
    String value = xml.getAttributeValue(null, name);
    return value == null ? "" : value;
  }

  /** Reads to the end of the example; keeps it if it has exactly one marker and a correction. */
  private void example(String corrections) throws XMLStreamException {
    String correction = corrections.split("\\|", 2)[0];
    StringBuilder wrong = new StringBuilder();
    StringBuilder right = new StringBuilder();
    boolean marked = false;
    boolean usable = !correction.isBlank();
    int markers = 0;
    while (true) {
      int event = xml.next();
      if (event == XMLStreamConstants.END_ELEMENT) {
        if (!marked) {
          break;
        }
        marked = false;
      } else if (event == XMLStreamConstants.START_ELEMENT) {
        usable &= xml.getLocalName().equals("marker") && !marked;
        marked = true;
        markers++;
        right.append(correction);
      } else if (event == XMLStreamConstants.CHARACTERS) {
        wrong.append(xml.getText());
        right.append(marked ? "" : xml.getText());
        usable &= wrong.length() <= LONGEST_SENTENCE;
      } else if (event == XMLStreamConstants.ENTITY_REFERENCE) {
        usable = false;
      }
    }
    if (usable && markers == 1 && !rule.isEmpty()) {
      pairs.add(new Pair(rule, oneLine(wrong), oneLine(right)));
    }
  }

  private static String oneLine(CharSequence text) {
    return text.toString().strip().replaceAll("\\s+", " ");
  }
}
