package io.sluice.app.load;

import java.util.List;
import java.util.Locale;

/**
 * Draws the percentile curves of histograms as SVG. Across: percentiles, each nine as wide as the
 * one before; up: milliseconds, in powers of ten.
 */
final class PercentilePicture {

  private static final int WIDTH = 900;
  private static final int HEIGHT = 480;
  private static final int LEFT = 80;
  private static final int BOTTOM = 60;
  private static final int TOP = 30;
  private static final int RIGHT = 210;
  private static final double[] PERCENTILES = {0, 50, 90, 99, 99.9, 99.99, 99.999};
  private static final String[] COLOURS = {
    "#1b6ca8", "#c0392b", "#27864b", "#8e44ad", "#b9770e", "#34495e"
  };

  private PercentilePicture() {}

  /** The picture; scenarios without latencies are left out. */
  static String of(List<Figures> all) {
    List<Figures> drawn = all.stream().filter(f -> f.latency() != null).toList();
    double lowestMs = 0.01;
    double highestMs = 1;
    for (Figures figures : drawn) {
      highestMs = Math.max(highestMs, figures.latency().getMaxValue() / 1e6);
    }
    double decades = Math.ceil(Math.log10(highestMs / lowestMs));
    StringBuilder svg = new StringBuilder();
    svg.append(
        String.format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
                + " font-family=\"sans-serif\" font-size=\"13\">%n"
                + "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>%n",
            WIDTH, HEIGHT));
    for (int decade = 0; decade <= decades; decade++) {
      double ms = lowestMs * Math.pow(10, decade);
      double y = y(ms, lowestMs, decades);
      svg.append(line(LEFT, y, WIDTH - RIGHT, y));
      svg.append(text(LEFT - 8, y + 4, "end", String.format(Locale.ROOT, "%s ms", trim(ms))));
    }
    for (double percentile : PERCENTILES) {
      double x = x(percentile);
      svg.append(line(x, TOP, x, HEIGHT - BOTTOM));
      svg.append(text(x, HEIGHT - BOTTOM + 20, "middle", trim(percentile) + "%"));
    }
    for (int i = 0; i < drawn.size(); i++) {
      String colour = COLOURS[i % COLOURS.length];
      svg.append(curve(drawn.get(i), colour, lowestMs, decades));
      svg.append(
          text(WIDTH - RIGHT + 14, TOP + 20 + 20 * i, "start", drawn.get(i).name())
              .replace("<text ", "<text fill=\"" + colour + "\" "));
    }
    return svg.append("</svg>\n").toString();
  }

  private static String curve(Figures figures, String colour, double lowestMs, double decades) {
    StringBuilder points = new StringBuilder();
    for (double nines = 0; nines <= 5; nines += 0.02) {
      double percentile = 100 - 100 * Math.pow(10, -nines);
      double ms = Math.max(lowestMs, figures.latencyMs(percentile));
      points.append(
          String.format(Locale.ROOT, "%.1f,%.1f ", x(percentile), y(ms, lowestMs, decades)));
    }
    return String.format(
        "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>%n",
        colour, points.toString().trim());
  }

  private static double x(double percentile) {
    double nines = -Math.log10(1 - Math.min(percentile, 99.999) / 100);
    return LEFT + (WIDTH - LEFT - RIGHT) * nines / 5;
  }

  private static double y(double ms, double lowestMs, double decades) {
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * Math.log10(ms / lowestMs) / decades;
  }

  private static String line(double x1, double y1, double x2, double y2) {
    return String.format(
        Locale.ROOT,
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>%n",
        x1,
        y1,
        x2,
        y2);
  }

  private static String text(double x, double y, String anchor, String text) {
    return String.format(
        Locale.ROOT,
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n",
        x,
        y,
        anchor,
        text);
  }

  private static String trim(double value) {
    return java.math.BigDecimal.valueOf(value)
        .round(new java.math.MathContext(6))
        .stripTrailingZeros()
        .toPlainString();
  }
}
