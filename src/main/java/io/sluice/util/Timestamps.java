package io.sluice.util;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;

/** Points in time as people and programs write them: RFC 3339 or milliseconds since the epoch. */
public final class Timestamps {

  private Timestamps() {}

  /**
   * Reads a point in time.
   *
   * @return milliseconds since the epoch
   * @throws IllegalArgumentException naming what was found and what is allowed
   */
  public static long parseMs(String text) {
    String value = text == null ? "" : text.trim();
    try {
      if (!value.isEmpty() && value.chars().allMatch(c -> c >= '0' && c <= '9')) {
        return Long.parseLong(value);
      }
      return OffsetDateTime.parse(value).toInstant().toEpochMilli();
    } catch (DateTimeException | NumberFormatException | ArithmeticException e) {
      throw new IllegalArgumentException(
          "found '"
              + text
              + "', allowed is a time such as 2026-01-31T12:00:00Z (RFC 3339) or milliseconds since"
              + " the epoch");
    }
  }

  /** Writes milliseconds since the epoch as RFC 3339 in UTC. */
  public static String format(long epochMs) {
    return Instant.ofEpochMilli(epochMs).toString();
  }
}
