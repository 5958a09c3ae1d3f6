package io.sluice.app;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** Columns of text, each as wide as its widest cell. */
final class Table {

  private final List<String[]> rows = new ArrayList<>();
  private final int[] widths;

  Table(String... titles) {
    widths = new int[titles.length];
    add(titles);
  }

  void row(Object... cells) {
    String[] texts = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      texts[i] = cells[i] == null ? "-" : cells[i].toString();
    }
    add(texts);
  }

  private void add(String[] cells) {
    for (int i = 0; i < cells.length; i++) {
      widths[i] = Math.max(widths[i], cells[i].length());
    }
    rows.add(cells);
  }

  void print(PrintStream out) {
    for (String[] cells : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < cells.length; i++) {
        line.append(cells[i]).append(" ".repeat(widths[i] - cells[i].length() + 2));
      }
      out.println(line.toString().stripTrailing());
    }
  }
}
