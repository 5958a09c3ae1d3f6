package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Changes of a topic's attributes as tools write them: {@code +message.type=FIFO,-reserve.time}.
 * RocketMQ's own are kept and shown, and change nothing of what the Broker does; those of Sluice
 * are settings.
 *
 * <p>Source: Apache RocketMQ 5.5.0, TopicAttributes and AttributeParser.
 *
 * @param changes name to new value, or to null where the attribute is to go
 */
record TopicAttributes(Map<String, String> changes) {

  private static final String QUEUE_TYPE = "queue.type";
  private static final String CLEANUP_POLICY = "cleanup.policy";
  private static final String MESSAGE_TYPE = "message.type";

  private static final Set<String> KNOWN =
      Set.of(
          QUEUE_TYPE,
          CLEANUP_POLICY,
          MESSAGE_TYPE,
          "reserve.time",
          "lite.topic.expiration",
          TopicConfig.DUPLICATE_WINDOW,
          TopicConfig.DUPLICATE_ENTRIES,
          TopicConfig.TTL,
          TopicConfig.EXPIRED);

  /** Reads the header's form. */
  static TopicAttributes parse(String text) {
    Map<Object, Object> given = new HashMap<>();
    for (String part : text.split(",")) {
      if (!part.isBlank()) {
        int equals = part.indexOf('=');
        given.put(
            (equals < 0 ? part : part.substring(0, equals)).trim(),
            equals < 0 ? "" : part.substring(equals + 1).trim());
      }
    }
    return of(given);
  }

  /** Takes the body's form; a name without a sign is to be set. */
  static TopicAttributes of(Map<Object, Object> given) {
    Map<String, String> changes = new HashMap<>();
    given.forEach(
        (name, value) -> {
          String text = name.toString();
          boolean signed = text.startsWith("+") || text.startsWith("-");
          String bare = signed ? text.substring(1) : text;
          check(bare, value.toString());
          changes.put(bare, text.startsWith("-") ? null : value.toString());
        });
    return new TopicAttributes(changes);
  }

  private static void check(String name, String value) {
    if (!KNOWN.contains(name)) {
      throw invalid("unsupported key: " + name + "; allowed are " + KNOWN);
    }
    boolean elsewhere =
        name.equals(QUEUE_TYPE) && value.equals("BatchCQ")
            || name.equals(CLEANUP_POLICY) && value.equals("COMPACTION")
            || name.equals(MESSAGE_TYPE) && value.equals("LITE");
    if (elsewhere) {
      throw invalid(name + "=" + value + " is not there in Sluice; leave the attribute out");
    }
    if (name.equals(MESSAGE_TYPE) && value.equals("MIXED")) {
      throw invalid("message.type=MIXED is not enabled, as by default in RocketMQ");
    }
  }

  private static SluiceException invalid(String text) {
    return new SluiceException(ErrorCode.INVALID_ARGUMENT, text);
  }

  /** The attributes after the changes. */
  Map<String, String> over(Map<String, String> before) {
    Map<String, String> after = new HashMap<>(before);
    changes.forEach(
        (name, value) -> {
          if (value == null) {
            after.remove(name);
          } else {
            after.put(name, value);
          }
        });
    return Map.copyOf(after);
  }
}
