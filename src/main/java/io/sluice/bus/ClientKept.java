package io.sluice.bus;

import io.sluice.message.MessageBlock;
import java.util.List;

/**
 * What clients ask of a Broker that keep the queues and offsets of their group themselves, as
 * RocketMQ's push and pull consumers do: who is in a group, where it stands, and the next messages
 * of a queue. Goes to {@link Addresses#clientKept}; each request names its answer.
 *
 * <p>A group's position in a queue is the same one that leases use: it is a state change in the
 * log, and a group that goes over from one kind of consumption to the other goes on where it stood.
 */
public sealed interface ClientKept extends BusMessage {

  /**
   * Pulls messages of one queue at an offset that the client keeps. A long poll. Answer: {@link
   * Pulled}; or GROUP_NOT_FOUND, TOPIC_NOT_FOUND, NO_PERMISSION, SUBSCRIPTION_NOT_FOUND,
   * SUBSCRIPTION_NOT_LATEST, INVALID_FILTER.
   *
   * @param max at most so many messages
   * @param maxBytes at most so many bytes of records, but always at least one message
   * @param waitMs how long to wait for the first message, 0 to not wait
   * @param filter which messages; null for those that the group's clients subscribed to
   * @param subscriptionVersion if filter is null, the version of the subscription that the client
   *     has; the Broker must know none older
   * @param checksTags whether the client looks at the tags of what it gets: then a pull with a
   *     newer subscription than the one known here is answered with everything instead of refused
   * @param commitOffset the group's position in the queue, to be set on the way; -1 for none
   * @param holder as in {@link ReceiveRequest}
   */
  record Pull(
      String group,
      String topic,
      int queueId,
      long queueOffset,
      int max,
      int maxBytes,
      long waitMs,
      Filter filter,
      long subscriptionVersion,
      boolean checksTags,
      long commitOffset,
      String holder)
      implements ClientKept {}

  /**
   * Sets a group's position in a queue, backwards too: everything before it is done, nothing from
   * it on. Answer: {@link Done} once it is in the log; or GROUP_NOT_FOUND, TOPIC_NOT_FOUND.
   */
  record Commit(String group, String topic, int queueId, long queueOffset) implements ClientKept {}

  /**
   * Asks for a group's position in a queue. Answer: {@link Offset}, or MESSAGE_NOT_FOUND if the
   * group has none.
   *
   * @param zeroIfWhole answer 0 instead of none where the queue's first message is still there and
   *     in memory: a new group then starts with it
   */
  record GetOffset(String group, String topic, int queueId, boolean zeroIfWhole)
      implements ClientKept {}

  /**
   * A client tells that it lives and what it is part of; what it does not name any more, it has
   * left. Said every 30 seconds and on each change. Makes groups and their retry topics that are
   * missing. Answer: {@link Done}.
   */
  record Heartbeat(Member client, List<String> producerGroups, List<Membership> memberships)
      implements ClientKept {}

  /**
   * A client leaves groups. Answer: {@link Done}.
   *
   * @param producerGroup or null
   * @param consumerGroup or null
   */
  record Unregister(String clientId, String holder, String producerGroup, String consumerGroup)
      implements ClientKept {}

  /** A connection is gone and with it all that its client was part of. Answer: {@link Done}. */
  record Disconnect(String holder) implements ClientKept {}

  /** Who consumes in a group. Answer: {@link Consumers}, or CONSUMER_OFFLINE if nobody does. */
  record GetConsumers(String group) implements ClientKept {}

  /** Who sends in a group. Answer: {@link Producers}, empty if nobody does. */
  record GetProducers(String group) implements ClientKept {}

  /**
   * The connections of a client that sends, by the client's id, the one heard last first. Answer:
   * {@link Producers}, empty if there is none.
   */
  record FindProducer(String clientId) implements ClientKept {}

  /** Which groups have a live consumer or a position in a topic. Answer: {@link GroupNames}. */
  record GetGroupsOfTopic(String topic) implements ClientKept {}

  /**
   * Makes a topic by a first send, if that is allowed. Answer: {@link AdminRequest.Topic}, old or
   * new; or TOPIC_NOT_FOUND.
   *
   * @param template the topic to take after, as the client names it
   * @param queues how many queues the client wants
   */
  record EnsureTopic(String topic, String template, int queues) implements ClientKept {}

  /**
   * Gives back a message that could not be consumed: a copy of it comes again later in the group's
   * retry topic, with its attempts counted, or goes to the dead letters. Answer: {@link Done} once
   * the copy is stored at the ack level; or GROUP_NOT_FOUND, MESSAGE_NOT_FOUND.
   *
   * @param physicalOffset where the message stands in the log
   * @param delayMs until it comes again, {@link #DELAY_OF_GROUP}, or {@link #NEVER_AGAIN}
   * @param maxRetries how often it may come again, or -1 for as often as the group has attempts
   * @param ack the level, or null for the Broker's default
   */
  record SendBack(String group, long physicalOffset, long delayMs, int maxRetries, AckLevel ack)
      implements ClientKept {}

  /** A delay of {@link SendBack}: the group's schedule decides. */
  long DELAY_OF_GROUP = -1;

  /** A delay of {@link SendBack}: straight to the dead letters. */
  long NEVER_AGAIN = -2;

  /**
   * Where a message goes that a client sends to its group's retry topic by itself. Made if it is
   * missing. Answer: {@link RetryTopic}; or GROUP_NOT_FOUND.
   *
   * @param reconsumeTimes how often it came again already
   * @param maxRetries as in {@link SendBack}
   */
  record GetRetryTopic(String group, int reconsumeTimes, int maxRetries) implements ClientKept {}

  /** Whether a filter can be read. Answer: {@link Done}, or INVALID_FILTER. */
  record CheckFilter(Filter filter) implements ClientKept {}

  /**
   * Locks queues of a group for one client, for {@value #LOCK_MS} ms or until unlocked: the right
   * to consume them in order. Granted where the queue is free, expired, or its own. Answer: {@link
   * Locked}.
   */
  record Lock(String group, String clientId, List<Queue> queues) implements ClientKept {}

  /** Gives own locks back. Answer: {@link Done}. */
  record Unlock(String group, String clientId, List<Queue> queues) implements ClientKept {}

  /** RocketMQ's {@code rocketmq.broker.rebalance.lockMaxLiveTime}; clients renew every 20 s. */
  int LOCK_MS = 60_000;

  /** What a pull came upon. */
  enum Outcome {
    /** There are messages. */
    FOUND,
    /** Nothing new until the wait was over. */
    EMPTY,
    /** Nothing that the filter wants, but the offset has moved on. */
    PASSED_OVER,
    /** The offset is outside of the queue; {@code nextOffset} is the nearest inside. */
    MOVED
  }

  /**
   * What a pull brought. The receiver closes the block.
   *
   * @param nextOffset the offset to go on with
   * @param minOffset first offset still stored
   * @param maxOffset next offset to be written
   * @param dispatchedNs as in {@link ReceiveReply}
   * @param receivedNs as in {@link ReceiveReply}
   * @param suggestedBrokerId which of those that share the Broker name to pull from next: 0 is the
   *     master
   */
  record Pulled(
      Outcome outcome,
      MessageBlock messages,
      long nextOffset,
      long minOffset,
      long maxOffset,
      long dispatchedNs,
      long receivedNs,
      long suggestedBrokerId)
      implements BusMessage {}

  /** An offset in a queue. */
  record Offset(long queueOffset) implements BusMessage {}

  /**
   * A client and the connection it was last heard on.
   *
   * @param holder names the connection; see {@link Addresses#frontOf}
   * @param address {@code host:port} of the client
   * @param language as the client names it
   * @param version as the client numbers it
   */
  record Member(String clientId, String holder, String address, String language, int version)
      implements BusMessage {}

  /**
   * A client's part in a consumer group. The texts are RocketMQ's.
   *
   * @param consumeType CONSUME_PASSIVELY (push) or CONSUME_ACTIVELY (pull)
   * @param messageModel CLUSTERING or BROADCASTING
   * @param consumeFromWhere such as CONSUME_FROM_LAST_OFFSET
   */
  record Membership(
      String group,
      String consumeType,
      String messageModel,
      String consumeFromWhere,
      List<Subscription> subscriptions)
      implements BusMessage {}

  /**
   * What a group wants of a topic.
   *
   * @param version rises with each change
   */
  record Subscription(String topic, Filter filter, long version) implements BusMessage {}

  /** Who consumes in a group, and what: the settings heard last. */
  record Consumers(Membership membership, List<Member> members) implements BusMessage {}

  /** Who sends in a group. */
  record Producers(List<Member> members) implements BusMessage {}

  /**
   * Where a message goes that is to be tried again.
   *
   * @param dead whether that is the topic of the dead letters: then without a delay
   */
  record RetryTopic(String topic, boolean dead) implements BusMessage {}

  /** Names of groups, sorted. */
  record GroupNames(List<String> groups) implements BusMessage {}

  /** A queue of the Broker. */
  record Queue(String topic, int queueId) implements BusMessage {}

  /** The queues that were locked or are still. */
  record Locked(List<Queue> queues) implements BusMessage {}
}
