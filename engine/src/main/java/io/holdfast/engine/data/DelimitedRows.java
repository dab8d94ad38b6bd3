package io.holdfast.engine.data;

import java.util.ArrayList;
import java.util.List;

/** Rows of a delimited file: columns are found by the header's names. */
final class DelimitedRows implements RowReader {

  private final Lines lines;
  private final Fields.Source source;
  private final Columns columns;
  private final boolean labelled;
  private final List<String> notes = new ArrayList<>();
  private Fields pending;
  private int width;
  private int first;
  private int second = -1;
  private int label = -1;
  private int dropped;
  private int firstDropped;

  DelimitedRows(Lines lines, Fields.Source source, Columns columns, boolean labelled) {
    this.lines = lines;
    this.source = source;
    this.columns = columns;
    this.labelled = labelled;
    Fields header = source.next();
    if (header == null) {
      throw lines.error(0, 0, "the file is empty");
    }
    width = header.size();
    if (columns.headerless() && !header.values().contains(columns.first())) {
      pending = header;
      placeWithoutHeader(header);
    } else {
      placeByName(header);
    }
  }

  @Override
  public Row next() {
    Fields fields = pending == null ? source.next() : pending;
    pending = null;
    while (fields != null && fields.size() != width && columns.dropRagged() && label >= 0) {
      firstDropped = dropped++ == 0 ? fields.line() : firstDropped;
      fields = source.next();
    }
    if (fields == null) {
      return null;
    }
    if (fields.size() != width) {
      throw lines.error(
          fields.line(), 0, "row has " + fields.size() + " fields where the others have " + width);
    }
    return new Row(
        fields.line(),
        fields.cell(first),
        second < 0 ? null : fields.cell(second),
        label < 0 ? null : fields.cell(label));
  }

  @Override
  public List<String> notes() {
    List<String> all = new ArrayList<>(notes);
    if (dropped > 0) {
      all.add(
          lines.file()
              + ": left out "
              + dropped
              + " rows with other than "
              + width
              + " fields, the first at line "
              + firstDropped);
    }
    return all;
  }

  private void placeWithoutHeader(Fields row) {
    first = columns.firstAt();
    second = columns.secondAt();
    label = labelled ? columns.labelAt() : -1;
    int needed = Math.max(first, Math.max(second, columns.labelAt())) + 1;
    if (width < needed) {
      throw lines.error(
          row.line(),
          0,
          "row has "
              + width
              + " fields, the task's files have "
              + needed
              + "; is it tab-separated?");
    }
  }

  private void placeByName(Fields header) {
    first = find(header, columns.first(), columns.firstAt());
    if (columns.second() != null) {
      second = find(header, columns.second(), columns.secondAt());
    }
    if (labelled) {
      label = find(header, columns.label(), -1);
    }
  }

  private int find(Fields header, String name, int usual) {
    int at = header.values().indexOf(name);
    if (at < 0) {
      throw lines.error(
          header.line(),
          0,
          "no column '" + name + "'; the header has " + Text.list(header.values()));
    }
    if (at != header.values().lastIndexOf(name)) {
      throw lines.error(
          header.line(),
          header.columns().get(header.values().lastIndexOf(name)),
          "column '" + name + "' is there twice; rename one");
    }
    if (labelled && usual >= 0 && at != usual) {
      notes.add(
          lines.file()
              + ": column '"
              + name
              + "' stands at place "
              + (at + 1)
              + ", in the published files at "
              + (usual + 1));
    }
    return at;
  }
}
