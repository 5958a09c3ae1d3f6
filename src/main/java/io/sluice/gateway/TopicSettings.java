package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.TopicConfig;
import io.sluice.util.Durations;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The settings of a topic that are kept as its attributes: as fields of JSON with names and values
 * of their own.
 */
final class TopicSettings {

  /** The fields. */
  static final List<String> FIELDS =
      List.of("duplicateWindow", "duplicateEntries", "ttl", "expiredToDeadLetters");

  private static final Set<String> ATTRIBUTES =
      Set.of(
          TopicConfig.DUPLICATE_WINDOW,
          TopicConfig.DUPLICATE_ENTRIES,
          TopicConfig.TTL,
          TopicConfig.EXPIRED);

  private static final long LONGEST_MS = Duration.ofDays(3_650).toMillis();

  /** What was given, by attribute; null to go back to the default. */
  private final Map<String, String> given = new HashMap<>();

  /** Takes a field; false if it is none of these. */
  boolean take(String name, JsonParser parser) throws IOException {
    switch (name) {
      case "duplicateWindow" -> given.put(TopicConfig.DUPLICATE_WINDOW, duration(name, parser, 0));
      case "duplicateEntries" -> given.put(TopicConfig.DUPLICATE_ENTRIES, entries(name, parser));
      case "ttl" -> given.put(TopicConfig.TTL, duration(name, parser, 1));
      case "expiredToDeadLetters" ->
          given.put(
              TopicConfig.EXPIRED, Fields.bool(name, parser) ? TopicConfig.DEAD_LETTERS : null);
      default -> {
        return false;
      }
    }
    return true;
  }

  /** The topic with what was given. */
  TopicConfig over(TopicConfig base) {
    TopicConfig config = base;
    for (Map.Entry<String, String> setting : given.entrySet()) {
      config = config.withAttribute(setting.getKey(), setting.getValue());
    }
    return config;
  }

  /** Writes the fields of a topic. */
  static void write(JsonText out, TopicConfig topic) {
    writeDuration(out, "duplicateWindow", topic.duplicateWindowMs());
    out.next("duplicateEntries");
    if (topic.duplicateEntries() < 0) {
      out.raw("null");
    } else {
      out.number(topic.duplicateEntries());
    }
    writeDuration(out, "ttl", topic.ttlMs() <= 0 ? -1 : topic.ttlMs());
    out.next("expiredToDeadLetters").bool(topic.buriesExpired());
  }

  /** Whether an attribute is shown as a field. */
  static boolean isSetting(String attribute) {
    return ATTRIBUTES.contains(attribute);
  }

  private static void writeDuration(JsonText out, String name, long ms) {
    out.next(name);
    if (ms < 0) {
      out.raw("null");
    } else {
      out.string(Durations.format(ms));
    }
  }

  private static String entries(String name, JsonParser parser) throws IOException {
    return parser.currentToken() == JsonToken.VALUE_NULL
        ? null
        : Long.toString(Fields.number(name, parser, 1, TopicConfig.MAX_DUPLICATE_ENTRIES));
  }

  private static String duration(String name, JsonParser parser, long minMs) throws IOException {
    return parser.currentToken() == JsonToken.VALUE_NULL
        ? null
        : Durations.format(Fields.durationMs(name, parser, minMs, LONGEST_MS));
  }
}
