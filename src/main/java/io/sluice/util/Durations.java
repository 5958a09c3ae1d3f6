package io.sluice.util;

import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Durations as people write them: {@code 250ms}, {@code 30s}, {@code 1h30m}, {@code 40d}, or ISO
 * 8601 {@code PT30S}.
 */
public final class Durations {

  private static final Pattern PART = Pattern.compile("(\\d{1,18})(ms|s|m|h|d)");
  private static final String ALLOWED =
      "a duration such as 250ms, 30s, 5m, 1h30m, 2d or PT30S (ISO 8601)";

  private Durations() {}

  /**
   * Reads a duration.
   *
   * @param text {@code 0}, one or more parts of number and unit (ms, s, m, h, d) without blanks, or
   *     ISO 8601
   * @return milliseconds, 0 or more
   * @throws IllegalArgumentException naming what was found and what is allowed
   */
  public static long parseMs(String text) {
    String value = text == null ? "" : text.trim();
    if (value.equals("0")) {
      return 0;
    }
    if (value.startsWith("P") || value.startsWith("p")) {
      return parseIso(value);
    }
    Matcher matcher = PART.matcher(value);
    long totalMs = 0;
    int end = 0;
    try {
      while (matcher.find() && matcher.start() == end) {
        long amount = Long.parseLong(matcher.group(1));
        totalMs = Math.addExact(totalMs, Math.multiplyExact(amount, unitMs(matcher.group(2))));
        end = matcher.end();
      }
    } catch (ArithmeticException e) {
      throw rejected(text);
    }
    if (end == 0 || end != value.length()) {
      throw rejected(text);
    }
    return totalMs;
  }

  /** Writes milliseconds in the shortest of the forms that {@link #parseMs} reads. */
  public static String format(long ms) {
    if (ms == 0) {
      return "0s";
    }
    StringBuilder out = new StringBuilder();
    long rest = ms;
    for (String unit : new String[] {"d", "h", "m", "s", "ms"}) {
      long size = unitMs(unit);
      if (rest >= size) {
        out.append(rest / size).append(unit);
        rest %= size;
      }
    }
    return out.toString();
  }

  private static long parseIso(String value) {
    try {
      Duration duration = Duration.parse(value);
      if (duration.isNegative()) {
        throw rejected(value);
      }
      return duration.toMillis();
    } catch (DateTimeParseException | ArithmeticException e) {
      throw rejected(value);
    }
  }

  private static long unitMs(String unit) {
    return switch (unit) {
      case "ms" -> 1L;
      case "s" -> 1_000L;
      case "m" -> 60_000L;
      case "h" -> 3_600_000L;
      default -> 86_400_000L;
    };
  }

  private static IllegalArgumentException rejected(String text) {
    return new IllegalArgumentException("found '" + text + "', allowed is " + ALLOWED);
  }
}
