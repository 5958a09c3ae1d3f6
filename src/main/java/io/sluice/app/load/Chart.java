package io.sluice.app.load;

import java.util.List;
import java.util.Locale;

/** A small chart for a terminal: columns of a series over time. */
final class Chart {

  private static final int WIDTH = 64;
  private static final int HEIGHT = 8;
  private static final String EIGHTHS = " ▁▂▃▄▅▆▇█";

  private Chart() {}

  /**
   * Draws a series.
   *
   * @param title what the height means
   * @param values at even distances in time
   * @param seconds the time they span
   */
  static String of(String title, List<Long> values, double seconds) {
    long highest = Math.max(1, values.stream().mapToLong(Long::longValue).max().orElse(1));
    int columns = Math.min(WIDTH, Math.max(1, values.size()));
    StringBuilder out = new StringBuilder();
    for (int row = HEIGHT - 1; row >= 0; row--) {
      String label =
          row == HEIGHT - 1 ? String.format(Locale.ROOT, "%,d", highest) : row == 0 ? "0" : "";
      out.append(String.format("%10s ┤", label));
      for (int column = 0; column < columns; column++) {
        double filled = (double) at(values, column, columns) / highest * HEIGHT - row;
        out.append(EIGHTHS.charAt((int) Math.max(0, Math.min(8, Math.round(filled * 8)))));
      }
      out.append(System.lineSeparator());
    }
    out.append(String.format("%10s └%s%n", "", "─".repeat(columns)));
    String left = title + " from 0";
    String right = String.format(Locale.ROOT, "to %.1f s", seconds);
    int gap = Math.max(1, columns - left.length() - right.length());
    return out.append(" ".repeat(12)).append(left).append(" ".repeat(gap)).append(right).toString();
  }

  /** The highest of the values that share this column. */
  private static long at(List<Long> values, int column, int columns) {
    int from = (int) ((long) column * values.size() / columns);
    int to = Math.max(from + 1, (int) ((long) (column + 1) * values.size() / columns));
    return values.isEmpty()
        ? 0
        : values.subList(from, Math.min(to, values.size())).stream()
            .mapToLong(Long::longValue)
            .max()
            .orElse(0);
  }
}
