package io.sluice.bus;

import java.util.List;
import java.util.Map;

/**
 * A consumer group as it is configured at a Broker.
 *
 * @param name its name
 * @param maxAttempts how often a message is handed out before it goes to the dead letters, 1 or
 *     more
 * @param retryDelaysMs delay before the second attempt, the third, ...; the last one repeats
 * @param orderedRetryDelayMs delay before a message is tried again in ordered consumption
 * @param attributes further settings under RocketMQ's names, where they differ from the default
 */
public record GroupConfig(
    String name,
    int maxAttempts,
    List<Long> retryDelaysMs,
    long orderedRetryDelayMs,
    Map<String, String> attributes)
    implements BusMessage {

  /** Attribute: {@code false} keeps the group from being given anything. */
  public static final String CONSUME_ENABLE = "consumeEnable";

  /** Attribute: {@code false} keeps consumers of the broadcast model out. */
  public static final String CONSUME_BROADCAST_ENABLE = "consumeBroadcastEnable";

  /** RocketMQ's retryMaxTimes. */
  public static final int DEFAULT_MAX_ATTEMPTS = 16;

  public static final long DEFAULT_ORDERED_RETRY_DELAY_MS = 1_000;

  /** RocketMQ's levels 3 to 18: 10 s, 30 s, 1 to 10 min, 20 min, 30 min, 1 h, 2 h. */
  public static final List<Long> DEFAULT_RETRY_DELAYS_MS =
      List.of(
          10_000L,
          30_000L,
          60_000L,
          120_000L,
          180_000L,
          240_000L,
          300_000L,
          360_000L,
          420_000L,
          480_000L,
          540_000L,
          600_000L,
          1_200_000L,
          1_800_000L,
          3_600_000L,
          7_200_000L);

  /** A group without attributes. */
  public GroupConfig(
      String name, int maxAttempts, List<Long> retryDelaysMs, long orderedRetryDelayMs) {
    this(name, maxAttempts, retryDelaysMs, orderedRetryDelayMs, Map.of());
  }

  /** Whether an attribute is on; all are where nobody switched them off. */
  public boolean isOn(String attribute) {
    return !"false".equals(attributes.get(attribute));
  }

  /**
   * How often RocketMQ's clients may send a message back: as often as it has attempts, since they
   * do not count the first one; or never.
   */
  public int maxSendBacks() {
    return sendsNothingBack() ? 0 : maxAttempts;
  }

  /** RocketMQ's retryMaxTimes, as it was set. */
  public int retryMaxTimes() {
    return sendsNothingBack()
        ? Integer.parseInt(attributes.get(GroupAttributes.NO_RETRY))
        : maxAttempts;
  }

  private boolean sendsNothingBack() {
    return maxAttempts == 1 && attributes.containsKey(GroupAttributes.NO_RETRY);
  }

  /** A group with the defaults. */
  public static GroupConfig of(String name) {
    return new GroupConfig(
        name, DEFAULT_MAX_ATTEMPTS, DEFAULT_RETRY_DELAYS_MS, DEFAULT_ORDERED_RETRY_DELAY_MS);
  }

  /** Delay before the attempt after this one. */
  public long retryDelayMs(int attempt) {
    int index = Math.min(attempt, retryDelaysMs.size()) - 1;
    return index < 0 ? 0 : retryDelaysMs.get(index);
  }
}
