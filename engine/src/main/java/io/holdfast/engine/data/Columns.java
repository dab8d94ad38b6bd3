package io.holdfast.engine.data;

/**
 * Where a row keeps its texts and its label: by header name, or JSON key.
 *
 * @param second null for single texts
 * @param label may be absent from files that are read without labels
 * @param firstAt column of the first text in the labelled GLUE file, from 0; −1 where there is no
 *     such convention
 * @param secondAt likewise
 * @param labelAt likewise; used only where {@code headerless}
 * @param headerless a delimited file need not have a header: without one the columns are those
 *     above
 * @param dropRagged labelled rows with a field too many or too few are left out and counted;
 *     elsewhere they are errors
 * @param blankAllowed one text of a pair may be blank; elsewhere that is an error
 */
public record Columns(
    String first,
    String second,
    String label,
    int firstAt,
    int secondAt,
    int labelAt,
    boolean headerless,
    boolean dropRagged,
    boolean blankAllowed) {

  /** Columns found by name alone. */
  public static Columns named(String first, String second, String label) {
    return new Columns(first, second, label, -1, -1, -1, false, false, false);
  }
}
