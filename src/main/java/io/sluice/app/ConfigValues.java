package io.sluice.app;

import io.sluice.util.ByteSizes;
import io.sluice.util.Durations;
import io.sluice.util.NearestName;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.LongFunction;
import java.util.function.ToLongFunction;

/** Reads and writes the values of {@link ConfigKey}s. */
final class ConfigValues {

  /** As many as anybody can tell apart; RocketMQ has 18. */
  private static final int MAX_DURATIONS = 64;

  private ConfigValues() {}

  static Object parse(ConfigKey key, String text) {
    String value = text == null ? "" : text.trim();
    return switch (key.type()) {
      case NUMBER -> inRange(key, value, ConfigValues::number);
      case SIZE -> inRange(key, value, ByteSizes::parse);
      case DURATION -> inRange(key, value, Durations::parseMs);
      case DURATIONS -> durations(key, value);
      case SWITCH -> onOff(key, value);
      case CHOICE -> choice(key, value);
      case TEXT -> value;
    };
  }

  static String allowed(ConfigKey key) {
    return switch (key.type()) {
      case NUMBER -> range(key, Long::toString);
      case SIZE -> range(key, ByteSizes::format);
      case DURATION -> range(key, Durations::format);
      case DURATIONS -> "1 to " + MAX_DURATIONS + " of " + range(key, Durations::format);
      case SWITCH -> "true, false";
      case CHOICE -> String.join(", ", key.choices());
      case TEXT -> "any text";
    };
  }

  private static String range(ConfigKey key, LongFunction<String> format) {
    return format.apply(key.min()) + " to " + format.apply(key.max());
  }

  private static Long inRange(ConfigKey key, String text, ToLongFunction<String> reader) {
    long value = reader.applyAsLong(text);
    if (value < key.min() || value > key.max()) {
      String nearest = value < key.min() ? "lowest" : "highest";
      throw new IllegalArgumentException(
          "found '" + text + "', allowed is " + key.allowed() + "; the " + nearest + " is nearest");
    }
    return value;
  }

  private static List<Long> durations(ConfigKey key, String text) {
    String[] parts = text.split(" +");
    if (parts.length > MAX_DURATIONS) {
      throw new IllegalArgumentException(
          "found " + parts.length + " of them, allowed is " + allowed(key));
    }
    return Arrays.stream(parts).map(part -> inRange(key, part, Durations::parseMs)).toList();
  }

  private static long number(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("found '" + text + "', allowed is a whole number");
    }
  }

  private static Boolean onOff(ConfigKey key, String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true" -> Boolean.TRUE;
      case "false" -> Boolean.FALSE;
      default ->
          throw new IllegalArgumentException("found '" + text + "', allowed is " + key.allowed());
    };
  }

  private static String choice(ConfigKey key, String text) {
    String word = text.toLowerCase(Locale.ROOT);
    if (key.choices().contains(word)) {
      return word;
    }
    throw new IllegalArgumentException(
        "found '"
            + text
            + "', allowed is "
            + key.allowed()
            + NearestName.find(word, key.choices())
                .map(near -> "; did you mean " + near + "?")
                .orElse(""));
  }
}
