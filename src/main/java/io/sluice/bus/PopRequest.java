package io.sluice.bus;

import io.sluice.message.MessageBlock;
import java.util.List;

/**
 * What RocketMQ's pop clients ask of a Broker: leases as {@link ReceiveRequest} gives them, with
 * receipts as RocketMQ lays them out. Goes to {@link Addresses#pop}; each request names its answer.
 *
 * <p>Such a receipt names the queue, the offset, the time of the pop, the invisible time and a
 * number that is the same for all messages of the pop. There is no room for the lease itself; so
 * that number is a {@link #mark}, and the times add up to the lease's deadline. Both together are
 * those of one delivery only.
 */
public sealed interface PopRequest extends BusMessage {

  /** Most messages of one pop: RocketMQ's bound, and what a mark has room for. */
  int MAX_MESSAGES = 32;

  /**
   * Takes messages with leases that nothing but time or a settlement ends. A long poll. Answer:
   * {@link Popped}; or TOPIC_NOT_FOUND, NO_PERMISSION, INVALID_ARGUMENT, BUSY, CONFLICT.
   *
   * @param queueId the queue, or -1 for any
   * @param max at most so many messages, 1 to {@link #MAX_MESSAGES}
   * @param fromEnd where a group without a position starts: behind the last message, but with the
   *     first one in queues that are whole and in memory, as RocketMQ's clients expect
   * @param holder as in {@link ReceiveRequest}; ends the wait, but not the leases
   */
  record Pop(
      String group,
      String topic,
      int queueId,
      int max,
      int maxBytes,
      long waitMs,
      long invisibleMs,
      Filter filter,
      boolean ordered,
      boolean fromEnd,
      String holder)
      implements PopRequest {}

  /**
   * Settles deliveries. Answer: {@link SettleReply} in the same order, once that is durable.
   *
   * @param handles as their receipts say
   */
  record Ack(String group, List<Handle> handles) implements PopRequest {}

  /**
   * Moves the end of a lease. Answer: {@link Changed} once that is durable, or MESSAGE_NOT_FOUND if
   * the lease is not in force.
   *
   * @param invisibleMs how long from now; then the message may come again at once
   */
  record ChangeInvisible(String group, Handle handle, long invisibleMs) implements PopRequest {}

  /**
   * Waits until a group may have messages of a topic. Answer: {@link Notified}.
   *
   * @param queueId the queue, or -1 for any
   * @param filter messages that it does not want do not count; null wants all
   */
  record Notify(String group, String topic, int queueId, long waitMs, Filter filter, String holder)
      implements PopRequest {}

  /**
   * How many pops of a group wait for a topic. Answer: {@link Waiting}.
   *
   * @param queueId those for this queue alone, or -1 for those for any
   */
  record CountWaiting(String group, String topic, int queueId) implements PopRequest {}

  /**
   * Looks at the messages that a group would be given first, without taking them. Answer: {@link
   * ReadReply} for one queue.
   */
  record Peek(String group, String topic, int queueId, int max, int maxBytes)
      implements PopRequest {}

  /**
   * Sets how a group's clients are to take a topic's messages. Answer: {@link Done} once it is
   * durable; or TOPIC_NOT_FOUND, GROUP_NOT_FOUND.
   */
  record SetMode(String group, String topic, Mode mode) implements PopRequest {}

  /** How a group's clients are to take a topic's messages. Answer: {@link Mode}. */
  record GetMode(String group, String topic) implements PopRequest {}

  /**
   * How clients take messages.
   *
   * @param popped by pops rather than by pulls
   * @param shareQueues how many further clients' queues each one pops too; 0 for all queues
   */
  record Mode(boolean popped, int shareQueues) implements BusMessage {
    /** The mode of a group that was never told. */
    public static final Mode PULL = new Mode(false, 0);
  }

  /**
   * One delivery, by what its receipt says.
   *
   * @param mark see {@link #mark}
   * @param deadlineMs when its lease ends: time of the pop plus invisible time
   */
  record Handle(String topic, int queueId, long queueOffset, int mark, long deadlineMs)
      implements BusMessage {}

  /**
   * What a pop brought. The receiver closes the block.
   *
   * @param messages empty when the wait was over
   * @param attempts as in {@link ReceiveReply}
   * @param mark for the receipts of all of them
   * @param poppedAtMs the leases end so long after it as was asked for
   * @param rest how many more the group has to take, about
   * @param dispatchedNs as in {@link ReceiveReply}
   * @param receivedNs as in {@link ReceiveReply}
   */
  record Popped(
      MessageBlock messages,
      int[] attempts,
      int mark,
      long poppedAtMs,
      long rest,
      long dispatchedNs,
      long receivedNs)
      implements BusMessage {}

  /** A lease's new end, for a new receipt; the old one is of no use any more. */
  record Changed(int mark, long changedAtMs) implements BusMessage {}

  /** Whether there are messages. */
  record Notified(boolean available) implements BusMessage {}

  /** How many wait. */
  record Waiting(int count) implements BusMessage {}

  /**
   * The mark of leases that follow each other: 26 bits of the first one's number, and 5 that say
   * how many they are. It comes again after 67 million leases at the earliest, long after their
   * deadline.
   *
   * @param count 1 to {@link #MAX_MESSAGES}
   */
  static int mark(long firstLease, long count) {
    if (count < 1 || count > MAX_MESSAGES) {
      throw new IllegalArgumentException(
          count + " leases; a mark is of 1 to " + MAX_MESSAGES + " that follow each other");
    }
    return (int) (firstLease & LEASE_MASK) << 5 | (int) (count - 1);
  }

  /** Whether a lease is one of a mark's. */
  static boolean matches(int mark, long lease) {
    return mark >= 0 && (lease - (mark >>> 5) & LEASE_MASK) <= (mark & 31);
  }

  /** The part of a lease's number that is in a mark. */
  long LEASE_MASK = (1L << 26) - 1;
}
