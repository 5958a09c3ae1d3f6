package io.sluice.util;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sizes in bytes as people write them: {@code 4096}, {@code 64k}, {@code 128MiB}, {@code 1g}; all
 * powers of 1024.
 */
public final class ByteSizes {

  private static final Pattern SIZE = Pattern.compile("(\\d{1,18})\\s*([kmgt]?)(?:i?b)?");
  private static final String UNITS = "kmgt";

  private ByteSizes() {}

  /**
   * Reads a size.
   *
   * @return bytes, 0 or more
   * @throws IllegalArgumentException naming what was found and what is allowed
   */
  public static long parse(String text) {
    Matcher matcher = SIZE.matcher(text == null ? "" : text.trim().toLowerCase(Locale.ROOT));
    if (!matcher.matches()) {
      throw rejected(text);
    }
    int power = matcher.group(2).isEmpty() ? 0 : UNITS.indexOf(matcher.group(2)) + 1;
    try {
      return Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << (10 * power));
    } catch (ArithmeticException e) {
      throw rejected(text);
    }
  }

  /** Writes a size for people: {@code 128 MiB}, with one decimal where it is not whole. */
  public static String format(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes;
    int power = 0;
    while (value >= 1024 && power < UNITS.length()) {
      value /= 1024;
      power++;
    }
    String unit = " " + Character.toUpperCase(UNITS.charAt(power - 1)) + "iB";
    return value == Math.rint(value)
        ? (long) value + unit
        : String.format(Locale.ROOT, "%.1f%s", value, unit);
  }

  private static IllegalArgumentException rejected(String text) {
    return new IllegalArgumentException(
        "found '" + text + "', allowed is a number of bytes with k, m, g or t, such as 128m");
  }
}
