package io.sluice.bus;

import java.util.Map;
import java.util.TreeMap;

/**
 * RocketMQ's settings of a group that have no field of their own in {@link GroupConfig}, with what
 * they are where nobody has said anything.
 *
 * <p>Source: Apache RocketMQ 5.5.0, SubscriptionGroupConfig.
 */
public final class GroupAttributes {

  /** Which Broker of a name a client is to pull from: 0 for the master. */
  public static final String BROKER = "brokerId";

  /** The same for a client that is far behind. */
  public static final String BROKER_WHEN_SLOW = "whichBrokerWhenConsumeSlowly";

  /** How long a gRPC proxy waits between attempts, as RocketMQ's JSON. */
  public static final String RETRY_POLICY = "groupRetryPolicy";

  /** RocketMQ's retryMaxTimes where it is 0 or less: nothing is tried again. */
  public static final String NO_RETRY = "retryMaxTimes";

  /** Name to default, as text. */
  public static final Map<String, String> DEFAULTS =
      Map.of(
          BROKER,
          "0",
          GroupConfig.CONSUME_BROADCAST_ENABLE,
          "true",
          GroupConfig.CONSUME_ENABLE,
          "true",
          "consumeFromMinEnable",
          "true",
          "consumeMessageOrderly",
          "false",
          "consumeTimeoutMinute",
          "15",
          "groupSysFlag",
          "0",
          "notifyConsumerIdsChangedEnable",
          "true",
          "retryQueueNums",
          "1",
          BROKER_WHEN_SLOW,
          "1");

  private GroupAttributes() {}

  /**
   * How often a message is handed out in a group with this retryMaxTimes of RocketMQ's; one that
   * says "never again" is kept as an attribute.
   */
  public static int attempts(int retryMaxTimes, Map<String, String> attributes) {
    if (retryMaxTimes < 1) {
      attributes.put(NO_RETRY, Integer.toString(retryMaxTimes));
    }
    return Math.max(1, retryMaxTimes);
  }

  /** Those of the given settings that differ from the default. */
  public static Map<String, String> notDefault(Map<String, String> given) {
    Map<String, String> attributes = new TreeMap<>();
    DEFAULTS.forEach(
        (name, usual) -> {
          String value = given.get(name);
          if (value != null && !value.isEmpty() && !value.equals(usual)) {
            attributes.put(name, value);
          }
        });
    return attributes;
  }
}
