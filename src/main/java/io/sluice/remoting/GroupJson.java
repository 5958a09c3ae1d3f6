package io.sluice.remoting;

import io.sluice.bus.GroupConfig;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * SubscriptionGroupConfig. What Sluice has no field for is kept as an attribute of the group where
 * it differs from RocketMQ's default, so that tools read what they wrote.
 *
 * <p>Source: Apache RocketMQ 5.5.0, SubscriptionGroupConfig.
 */
final class GroupJson {

  /** RocketMQ's own attributes of a group stand among ours behind this. */
  private static final String ATTRIBUTE_PREFIX = "attribute.";

  private static final String[] SWITCHES = {
    GroupConfig.CONSUME_BROADCAST_ENABLE,
    GroupConfig.CONSUME_ENABLE,
    "consumeFromMinEnable",
    "notifyConsumerIdsChangedEnable"
  };

  private static final Map<String, Long> NUMBERS = new LinkedHashMap<>();

  static {
    NUMBERS.put("brokerId", 0L);
    NUMBERS.put("consumeTimeoutMinute", 15L);
    NUMBERS.put("groupSysFlag", 0L);
    NUMBERS.put("retryQueueNums", 1L);
    NUMBERS.put("whichBrokerWhenConsumeSlowly", 1L);
  }

  private GroupJson() {}

  /** Reads a group's configuration over what it is now. */
  static GroupConfig read(Map<Object, Object> body, GroupConfig base) {
    Map<String, String> attributes = new TreeMap<>();
    for (String name : SWITCHES) {
      if (JsonTree.text(body, name, "true").equals("false")) {
        attributes.put(name, "false");
      }
    }
    if (JsonTree.text(body, "consumeMessageOrderly", "false").equals("true")) {
      attributes.put("consumeMessageOrderly", "true");
    }
    NUMBERS.forEach(
        (name, usual) -> {
          long value = JsonTree.number(body, name, usual);
          if (value != usual) {
            attributes.put(name, Long.toString(value));
          }
        });
    JsonTree.object(body, "attributes")
        .forEach((name, value) -> putAttribute(attributes, name.toString(), value.toString()));
    int attempts = (int) JsonTree.number(body, "retryMaxTimes", GroupConfig.DEFAULT_MAX_ATTEMPTS);
    return new GroupConfig(
        JsonTree.required(body, "groupName"),
        // RocketMQ takes 0 or less for no retry at all.
        Math.max(1, attempts),
        base.retryDelaysMs(),
        base.orderedRetryDelayMs(),
        Map.copyOf(attributes));
  }

  /** As a request names it, with a plus before it where it is to be set. */
  private static void putAttribute(Map<String, String> attributes, String name, String value) {
    if (!name.startsWith("-")) {
      String bare = name.startsWith("+") ? name.substring(1) : name;
      attributes.put(ATTRIBUTE_PREFIX + bare, value);
    }
  }

  static void write(JsonWriter out, GroupConfig config) {
    out.open('{').name("attributes").open('{');
    new TreeMap<>(config.attributes())
        .forEach(
            (name, value) -> {
              if (name.startsWith(ATTRIBUTE_PREFIX)) {
                out.field(name.substring(ATTRIBUTE_PREFIX.length()), value);
              }
            });
    out.close('}');
    NUMBERS.forEach(
        (name, usual) -> {
          String value = config.attributes().get(name);
          out.field(name, value == null ? usual : Long.parseLong(value));
        });
    for (String name : SWITCHES) {
      out.field(name, config.isOn(name));
    }
    out.field("consumeMessageOrderly", config.attributes().containsKey("consumeMessageOrderly"))
        .field("groupName", config.name())
        .name("groupRetryPolicy")
        .open('{')
        .field("type", "CUSTOMIZED")
        .close('}')
        .field("retryMaxTimes", config.maxAttempts())
        .close('}');
  }
}
