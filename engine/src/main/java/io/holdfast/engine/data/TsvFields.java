package io.holdfast.engine.data;

/** Tab-separated values as GLUE writes them: a tab always separates, a quote is a quote. */
record TsvFields(Lines lines) implements Fields.Source {

  @Override
  public Fields next() {
    String line = lines.nextRow();
    if (line == null) {
      return null;
    }
    Fields fields = new Fields(lines.number());
    int start = 0;
    for (int tab = line.indexOf('\t'); tab >= 0; tab = line.indexOf('\t', start)) {
      fields.add(line.substring(start, tab), start + 1);
      start = tab + 1;
    }
    fields.add(line.substring(start), start + 1);
    return fields;
  }
}
