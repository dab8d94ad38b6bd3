package io.holdfast.engine.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.holdfast.engine.compare.Comparison;
import io.holdfast.engine.compare.Results;
import io.holdfast.engine.compare.RunResult;
import io.holdfast.engine.run.Json;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class HtmlReportTest {

  private static List<RunResult> runs() {
    List<RunResult> runs = new ArrayList<>();
    for (int seed = 1; seed <= 4; seed++) {
      runs.add(Results.of("cross_entropy", seed, 0.6 + seed / 100.0));
      runs.add(Results.of("r3f", seed, 0.62 + seed / 100.0));
    }
    runs.add(Results.of(RunResult.DIVERGED, "<smart> & \"co\"", 1, Double.NaN, Double.NaN));
    return runs;
  }

  private static Document page(List<RunResult> runs) throws Exception {
    String html = HtmlReport.of(Comparison.of(runs, null, Comparison.Order.GIVEN), "A & B");
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
    String xml = html.replaceFirst("<!DOCTYPE html>\n", "");
    return factory.newDocumentBuilder().parse(new InputSource(new StringReader(xml)));
  }

  private static long count(Document page, String tag, String style) {
    NodeList all = page.getElementsByTagName(tag);
    long count = 0;
    for (int i = 0; i < all.getLength(); i++) {
      String styles = ((Element) all.item(i)).getAttribute("class");
      count += List.of(styles.split(" ")).contains(style) ? 1 : 0;
    }
    return count;
  }

  /** Well-formed as XML, with every run drawn: 9 in the strips, of them one failed. */
  @Test
  void thePageIsWellFormedAndShowsEveryRun() throws Exception {
    Document page = page(runs());
    assertEquals("A & B", page.getElementsByTagName("h1").item(0).getTextContent());
    assertEquals(4, page.getElementsByTagName("svg").getLength());
    assertEquals(1, count(page, "path", "cross"));
    // 8 runs; 2 evaluations of 2 arms, the third had none; 2 losses of 3 arms; 2 means, the third
    // has no time.
    assertEquals(8 + 4 + 6 + 2, count(page, "path", "mark"));
    assertEquals(2 * 9, count(page, "polyline", "run"));
    assertEquals(3, count(page, "rect", "box"));
    assertEquals(1, count(page, "line", "chance"));
  }

  /** The page needs nothing else: no address, no script, nothing that is loaded. */
  @Test
  void nothingIsLoadedFromElsewhere() {
    String html = HtmlReport.of(Comparison.of(runs(), null, Comparison.Order.GIVEN), "t");
    for (String forbidden : List.of("http", "//", "src=", "href", "url(", "@import", "<script")) {
      assertFalse(html.contains(forbidden), forbidden);
    }
  }

  @Test
  void nothingIsDrawnOutsideItsDrawing() throws Exception {
    NodeList drawings = page(runs()).getElementsByTagName("svg");
    for (int i = 0; i < drawings.getLength(); i++) {
      Element svg = (Element) drawings.item(i);
      String[] box = svg.getAttribute("viewBox").split(" ");
      for (String[] axis : new String[][] {{"x", box[2]}, {"y", box[3]}}) {
        Matcher places =
            Pattern.compile(" " + axis[0] + "[12]?=\"([-0-9.NaInfity]+)\"").matcher(text(svg));
        int found = 0;
        for (; places.find(); found++) {
          double place = Double.parseDouble(places.group(1));
          assertTrue(place >= 0 && place <= Double.parseDouble(axis[1]), places.group());
        }
        assertTrue(found > 10);
      }
    }
  }

  private static String text(Element element) {
    StringBuilder text = new StringBuilder();
    NodeList children = element.getChildNodes();
    for (int i = 0; i < children.getLength(); i++) {
      if (children.item(i) instanceof Element child) {
        for (String name : List.of("x", "y", "x1", "x2", "y1", "y2")) {
          if (child.hasAttribute(name)) {
            text.append(" ").append(name).append("=\"").append(child.getAttribute(name));
            text.append("\"");
          }
        }
      }
    }
    return text.toString();
  }

  /** A drawing for the option of three numbers, with a mark a run; none for one of two. */
  @Test
  void aSweepIsDrawnAgainstItsOptions() throws Exception {
    List<RunResult> runs = new ArrayList<>();
    for (String rate : List.of("1.0E-6", "1.0E-5", "1.0E-4")) {
      for (String eps : List.of("1.0E-5", "0.1")) {
        runs.add(Results.of("r3f", 1, 0.6, "learning_rate", rate, "eps", eps));
      }
    }
    NodeList drawings = page(runs).getElementsByTagName("svg");
    assertEquals(5, drawings.getLength());
    Element last = (Element) drawings.item(4);
    assertEquals("rte: score by learning_rate", last.getAttribute("aria-label"));
    assertEquals(6, last.getElementsByTagName("path").getLength());
  }

  /** A setting of which every run diverged is a cross at the majority class. */
  @Test
  void runsThatDivergedAreDrawnAgainstTheirOptionsToo() throws Exception {
    List<RunResult> runs = new ArrayList<>();
    for (String rate : List.of("1.0E-6", "1.0E-5")) {
      runs.add(Results.of("r3f", 1, 0.6, "learning_rate", rate));
    }
    String rate = "1.0E30";
    double none = Double.NaN;
    runs.add(Results.of(RunResult.DIVERGED, "r3f", 1, none, none, "learning_rate", rate));
    Element last = (Element) page(runs).getElementsByTagName("svg").item(4);
    assertEquals(3, last.getElementsByTagName("path").getLength());
    assertTrue(last.getTextContent().contains("0.5000, diverged, failed"), last.getTextContent());
  }

  @Test
  void optionsThatOnlySomeRunsHaveAreNotShared() throws Exception {
    List<RunResult> runs =
        List.of(
            Results.of("r3f", 1, 0.6, "eps", "0.1"),
            Results.of("r3f", 1, 0.6, "eps", "0.1", "head_learning_rate", "0.1"));
    String page = page(runs).getElementsByTagName("details").item(0).getTextContent();
    assertTrue(page.contains("--eps 0.1"), page);
    assertFalse(page.contains("--head-learning-rate"), page);
  }

  /** What is no number is a name. */
  @Test
  void textsOfDigitsAndDotsAreNames() throws Exception {
    List<RunResult> runs = new ArrayList<>();
    for (String model : List.of("..", "1.0.1", ".")) {
      runs.add(Results.of("r3f", 1, 0.6, "model", model));
    }
    assertEquals(4, page(runs).getElementsByTagName("svg").getLength());
  }

  @Test
  void lessIsBetterWhereItIs() {
    List<RunResult> runs = new ArrayList<>();
    for (RunResult run : runs()) {
      ObjectNode json = Json.tree(run).deepCopy();
      runs.add(Json.as(RunResult.class, json.put("metric", "loss")));
    }
    String page = HtmlReport.of(Comparison.of(runs, null, Comparison.Order.GIVEN), "t");
    assertTrue(page.contains("down is better"));
  }

  @Test
  void oneRunAndRunsWithoutCurvesAreShownToo() throws Exception {
    assertEquals(4, page(runs().subList(0, 1)).getElementsByTagName("svg").getLength());
    assertEquals(4, page(runs().subList(8, 9)).getElementsByTagName("svg").getLength());
  }
}
