package io.holdfast.cli.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import io.holdfast.cli.demo.LanguageToolExamples.Pair;
import io.holdfast.kernels.HoldfastException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LanguageToolExamplesTest {

  @TempDir Path folder;

  private List<Pair> read(String xml) throws IOException {
    Path file = folder.resolve("grammar.xml");
    Files.writeString(file, xml);
    return LanguageToolExamples.read(file);
  }

  private static String category(String id, String content) {
    return "<rules><category id='" + id + "'>" + content + "</category></rules>";
  }

  @Test
  void replacesTheMarkedPartByTheFirstCorrection() throws IOException {
    String xml =
        category(
            "GRAMMAR",
            """
            <rulegroup id='THERE'><rule id='x'>
              <example correction='their|there'>It was <marker>they're</marker>
                 idea &amp; mine.</example>
              <example>It was their idea.</example>
            </rule></rulegroup>
            <rule id='ALONE'><example correction="is">This <marker>are</marker> odd.</example></rule>
            """);
    assertEquals(
        List.of(
            new Pair("THERE", "It was they're idea & mine.", "It was their idea & mine."),
            new Pair("ALONE", "This are odd.", "This is odd.")),
        read(xml));
  }

  @Test
  void leavesOutWhatItCannotCorrect() throws IOException {
    String xml =
        "<!DOCTYPE rules [<!ENTITY lol 'laughing, a closing bracket ] and out loud'>]>"
            + category(
                "GRAMMAR",
                """
                <rule id='A'>
                  <example correction=''>Please <marker>do not</marker> it.</example>
                  <example correction='b'>No marker here.</example>
                  <example correction='b'><marker>a</marker> and <marker>c</marker></example>
                  <example correction='b'>I am &lol; and <marker>a</marker>.</example>
                  <example correction='b'>good <marker>a</marker></example>
                </rule>
                """);
    assertEquals(List.of(new Pair("A", "good a", "good b")), read(xml));
  }

  @Test
  void readsOnlyCategoriesAboutWords() throws IOException {
    String rule =
        "<rule id='A'><example correction='Dutch'>a <marker>dutch</marker></example></rule>";
    assertEquals(List.of(), read(category("CASING", rule)));
    assertEquals(1, read(category("COLLOCATIONS", rule)).size());
  }

  @Test
  void neverOpensAnExternalEntity() throws IOException {
    Path secret = folder.resolve("secret.txt");
    Files.writeString(secret, "secret");
    for (String doctype :
        List.of(
            "<!DOCTYPE rules [<!ENTITY s SYSTEM '" + secret.toUri() + "'>]>",
            "<!DOCTYPE rules SYSTEM '" + secret.toUri() + "'>")) {
      String xml =
          doctype
              + category(
                  "GRAMMAR",
                  "<rule id='A'><example correction='b'>&s; <marker>a</marker></example></rule>");
      try {
        assertEquals(List.of(), read(xml));
      } catch (HoldfastException refused) {
        assertEquals(HoldfastException.Kind.DATA, refused.kind());
      }
    }
  }

  @Test
  void entityBombsAreRefusedQuickly() {
    StringBuilder doctype = new StringBuilder("<!DOCTYPE rules [<!ENTITY e0 'ha'>");
    for (int i = 1; i < 40; i++) {
      doctype.append("<!ENTITY e%d '&e%d;&e%d;'>".formatted(i, i - 1, i - 1));
    }
    String xml = doctype + "]><rules><category id='&e39;'/></rules>";
    HoldfastException refused =
        assertTimeout(
            Duration.ofSeconds(20), () -> assertThrows(HoldfastException.class, () -> read(xml)));
    assertEquals(HoldfastException.Kind.DATA, refused.kind());
  }

  @Test
  void brokenFilesAreBadData() {
    for (String xml : List.of("", "<rules>", "no xml", "<rules><category id='GRAMMAR'><example>")) {
      HoldfastException refused = assertThrows(HoldfastException.class, () -> read(xml));
      assertEquals(HoldfastException.Kind.DATA, refused.kind());
      assertEquals(1, refused.getMessage().lines().count(), refused.getMessage());
    }
  }
}
