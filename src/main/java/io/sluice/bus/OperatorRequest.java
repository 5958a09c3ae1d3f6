package io.sluice.bus;

import io.sluice.bus.ClientKept.Member;
import java.util.List;
import java.util.Map;

/**
 * What operators' tools ask of a Broker to see how it does: rates, ages, who is there. Nothing here
 * changes anything. Goes to {@link Addresses#operator}; each request names its answer.
 */
public sealed interface OperatorRequest extends BusMessage {

  /** How much went through the Broker lately. Answer: {@link Totals}. */
  record GetTotals() implements OperatorRequest {}

  /**
   * Messages stored in a topic lately. Answer: {@link Rates}, or MESSAGE_NOT_FOUND if none were.
   */
  record GetTopicRates(String topic) implements OperatorRequest {}

  /**
   * Messages of a topic that a group was given lately. Answer: {@link Rates}, or MESSAGE_NOT_FOUND
   * if none were.
   *
   * @param topic or null for all topics together
   */
  record GetGroupRates(String group, String topic) implements OperatorRequest {}

  /** When the last message of each queue was stored. Answer: {@link TopicTimes}. */
  record GetTopicTimes(String topic) implements OperatorRequest {}

  /**
   * When the last message of each queue was stored that a group is done with. Answer: {@link
   * TopicTimes}.
   */
  record GetConsumedTimes(String group, String topic) implements OperatorRequest {}

  /** From when to when each queue's messages are, and how far a group is. Answer: {@link Spans}. */
  record GetSpans(String group, String topic) implements OperatorRequest {}

  /**
   * Entries of a queue. Answer: {@link QueueEntries}.
   *
   * @param firstOffset the first one wanted, or -1 for the last {@code count}
   */
  record GetQueueEntries(String topic, int queueId, long firstOffset, int count)
      implements OperatorRequest {}

  /** Every client that sends. Answer: {@link ProducersByGroup}. */
  record GetAllProducers() implements OperatorRequest {}

  /**
   * Messages in some span of time.
   *
   * @param count how many
   * @param perSecond the same by the time that was measured, which is less than the span at first
   */
  record Rate(long count, double perSecond) implements BusMessage {

    /** Nothing was measured yet. */
    public static final Rate NONE = new Rate(0, 0);
  }

  /** Rates over the last minute, hour and day. */
  record Rates(Rate minute, Rate hour, Rate day) implements BusMessage {

    /** Nothing was measured yet. */
    public static final Rates NONE = new Rates(Rate.NONE, Rate.NONE, Rate.NONE);
  }

  /**
   * The Broker as a whole. Days begin at the Broker's midnight; counts begin with its start.
   *
   * @param in messages stored a second, over the last 10 s, minute and 10 minutes
   * @param out messages handed out a second, likewise
   * @param inThisMorning messages stored until today began
   * @param inYesterdayMorning messages stored until yesterday began
   * @param outThisMorning messages handed out until today began
   * @param outYesterdayMorning messages handed out until yesterday began
   * @param oldestStoredMs when the oldest record still there was stored, or 0
   * @param diskUsedRatio used part of the disk that the data is on, 0 to 1; -1 if not known
   * @param diskBytes size of that disk
   */
  record Totals(
      List<Double> in,
      List<Double> out,
      long inThisMorning,
      long inYesterdayMorning,
      long outThisMorning,
      long outYesterdayMorning,
      long oldestStoredMs,
      double diskUsedRatio,
      long diskBytes)
      implements BusMessage {}

  /**
   * Times of a topic's queues, by queue id.
   *
   * @param lastStoredMs when the last of the messages was stored, 0 if there is none
   */
  record TopicTimes(long[] lastStoredMs) implements BusMessage {}

  /**
   * Times of a topic's queues, by queue id; 0 where there is no message.
   *
   * @param firstStoredMs when the first message still there was stored
   * @param lastStoredMs when the last one was stored
   * @param consumedStoredMs when the last one was stored that the group is done with
   */
  record Spans(long[] firstStoredMs, long[] lastStoredMs, long[] consumedStoredMs)
      implements BusMessage {}

  /** Entries of a queue, one after the other from {@code firstOffset} on. */
  record QueueEntries(
      long minOffset,
      long maxOffset,
      long firstOffset,
      long[] physicalOffsets,
      int[] recordBytes,
      long[] tagsCodes)
      implements BusMessage {}

  /** Clients that send, by the name of their group. */
  record ProducersByGroup(Map<String, List<Member>> producers) implements BusMessage {}
}
