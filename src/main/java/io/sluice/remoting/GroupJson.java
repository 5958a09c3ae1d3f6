package io.sluice.remoting;

import io.sluice.bus.GroupAttributes;
import io.sluice.bus.GroupConfig;
import java.util.HashMap;
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

  private GroupJson() {}

  /** Reads a group's configuration over what it is now. */
  static GroupConfig read(Map<Object, Object> body, GroupConfig base) {
    Map<String, String> given = new HashMap<>();
    GroupAttributes.DEFAULTS
        .keySet()
        .forEach(name -> given.put(name, JsonTree.text(body, name, "")));
    Map<String, String> attributes = GroupAttributes.notDefault(given);
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
    GroupAttributes.DEFAULTS.forEach(
        (name, usual) -> {
          String value = config.attributes().getOrDefault(name, usual);
          if (usual.equals("true") || usual.equals("false")) {
            out.field(name, value.equals("true"));
          } else {
            out.field(name, Long.parseLong(value));
          }
        });
    out.field("groupName", config.name())
        .name("groupRetryPolicy")
        .open('{')
        .field("type", "CUSTOMIZED")
        .close('}')
        .field("retryMaxTimes", config.maxAttempts())
        .close('}');
  }
}
