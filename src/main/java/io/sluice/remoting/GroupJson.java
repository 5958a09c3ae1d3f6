package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupAttributes;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SluiceException;
import java.nio.charset.StandardCharsets;
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

  /** One with its longest list of delays is a few hundred long. */
  private static final int MAX_POLICY_CHARS = 4_096;

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
    readRetryPolicy(JsonTree.object(body, GroupAttributes.RETRY_POLICY), attributes);
    int times = (int) JsonTree.number(body, "retryMaxTimes", GroupConfig.DEFAULT_MAX_ATTEMPTS);
    return new GroupConfig(
        JsonTree.required(body, "groupName"),
        GroupAttributes.attempts(times, attributes),
        base.retryDelaysMs(),
        base.orderedRetryDelayMs(),
        Map.copyOf(attributes));
  }

  /** Kept as text unless it says nothing but the default. */
  private static void readRetryPolicy(Map<Object, Object> policy, Map<String, String> attributes) {
    if (policy.isEmpty() || policy.equals(Map.of("type", "CUSTOMIZED"))) {
      return;
    }
    String text = new JsonWriter().tree(policy).toString();
    if (text.length() > MAX_POLICY_CHARS) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the groupRetryPolicy has "
              + text.length()
              + " characters; allowed are up to "
              + MAX_POLICY_CHARS);
    }
    attributes.put(GroupAttributes.RETRY_POLICY, text);
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
        .name(GroupAttributes.RETRY_POLICY)
        .tree(retryPolicy(config))
        .field("retryMaxTimes", config.retryMaxTimes())
        .close('}');
  }

  private static Map<?, ?> retryPolicy(GroupConfig config) {
    String policy = config.attributes().get(GroupAttributes.RETRY_POLICY);
    if (policy == null) {
      return Map.of("type", "CUSTOMIZED");
    }
    byte[] bytes = policy.getBytes(StandardCharsets.UTF_8);
    return JsonReader.object(bytes, 0, bytes.length);
  }
}
