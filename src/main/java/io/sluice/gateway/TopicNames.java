package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.Names;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Names from paths and fields, checked. Good topics are remembered. Owned by an event loop. */
final class TopicNames {

  /** Names remembered: some 200 KB; past it all are forgotten and checked anew. */
  private static final int MAX_REMEMBERED = 1024;

  private final Map<String, String> good = new HashMap<>();

  /** A topic from a path, still percent-encoded, that users may send to and read. */
  String usable(String encoded) {
    String known = good.get(encoded);
    return known != null ? known : remember(encoded, checkUsable(decode(encoded)));
  }

  /** Checks the name of a topic that users may send to and read. */
  static String checkUsable(String topic) {
    checkTopic(topic);
    if (Names.isSystemTopic(topic)) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION, "the topic " + topic + " belongs to the system; take another");
    }
    return topic;
  }

  /** Checks a topic's name. */
  static String checkTopic(String topic) {
    String problem = Names.topicProblem(topic);
    if (problem != null) {
      throw new SluiceException(ErrorCode.INVALID_TOPIC, problem);
    }
    return topic;
  }

  /** Checks a group's name. */
  static String checkGroup(String group) {
    String problem = Names.groupProblem(group);
    if (problem != null) {
      throw new SluiceException(ErrorCode.INVALID_GROUP, problem);
    }
    return group;
  }

  static String decode(String encoded) {
    if (encoded.indexOf('%') < 0) {
      return encoded;
    }
    try {
      return URLDecoder.decode(encoded.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      // Such as a name with a '%' that was not encoded: taken as it stands.
      return encoded;
    }
  }

  private String remember(String encoded, String topic) {
    if (good.size() >= MAX_REMEMBERED) {
      good.clear();
    }
    good.put(encoded, topic);
    return topic;
  }
}
