package io.sluice.bus;

import io.sluice.message.MessageBlock;
import java.util.List;

/** What is asked of a Broker beside the flow of messages. Each request names its answer. */
public sealed interface AdminRequest extends BusMessage {

  /**
   * Creates or changes a topic; a change of queues takes effect for the next message. Answer:
   * {@link Topic}.
   */
  record PutTopic(TopicConfig config) implements AdminRequest {}

  /**
   * Recalls a message that waits to be delivered later. Answer: {@link Done} once that is in the
   * log; CONFLICT if it was delivered, MESSAGE_NOT_FOUND if there is none.
   */
  record Recall(String topic, String messageId) implements AdminRequest {}

  /** Deletes a topic and every position in it. Answer: {@link Done}, or TOPIC_NOT_FOUND. */
  record DeleteTopic(String topic) implements AdminRequest {}

  /** One topic. Answer: {@link Topic}, or TOPIC_NOT_FOUND. */
  record GetTopic(String topic) implements AdminRequest {}

  /** All topics but the system's. Answer: {@link Topics}. */
  record ListTopics() implements AdminRequest {}

  /** Creates or changes a group. Answer: {@link GroupConfig}. */
  record PutGroup(GroupConfig config) implements AdminRequest {}

  /**
   * Deletes a group. Answer: {@link Done}, or GROUP_NOT_FOUND.
   *
   * @param keepPositions whether a group that is made again under its name goes on where it was
   */
  record DeleteGroup(String group, boolean keepPositions) implements AdminRequest {

    /** A group and its positions. */
    public DeleteGroup(String group) {
      this(group, false);
    }
  }

  /** One group. Answer: {@link GroupConfig}, or GROUP_NOT_FOUND. */
  record GetGroup(String group) implements AdminRequest {}

  /** All groups. Answer: {@link Groups}. */
  record ListGroups() implements AdminRequest {}

  /** How far a group is behind, per topic and queue. Answer: {@link Lag}, or GROUP_NOT_FOUND. */
  record GetLag(String group) implements AdminRequest {}

  /**
   * Sets a group's position in a topic; leases in flight end, live consumers follow at once.
   * Answer: {@link Positions}.
   *
   * @param to where to, or null if offsets are given
   * @param queueIds the queues that {@code queueOffsets} are for, or that are to go to {@code to};
   *     with that, null for all
   * @param queueOffsets the offsets to go on with, or null
   */
  record SetPosition(
      String group, String topic, StartPosition to, int[] queueIds, long[] queueOffsets)
      implements AdminRequest {}

  /**
   * Finds messages by key or unique id, the newest first. Answer: {@link Found}.
   *
   * @param key a word of KEYS, or a unique id
   * @param max so many of those stored in the given time
   * @param fromMs stored at this time or later
   * @param toMs stored at this time or before
   */
  record FindByKey(String topic, String key, int max, long fromMs, long toMs)
      implements AdminRequest {

    /** Of whatever time. */
    public FindByKey(String topic, String key, int max) {
      this(topic, key, max, 0, Long.MAX_VALUE);
    }
  }

  /** Finds a message by physical offset. Answer: {@link Found}, empty if no record starts there. */
  record FindByPhysicalOffset(long physicalOffset) implements AdminRequest {}

  /** The Broker itself. Answer: {@link BrokerInfo}. */
  record GetBroker() implements AdminRequest {}

  /** How a Broker's log is replicated. Answer: {@link ReplicationInfo}. */
  record GetReplication() implements AdminRequest {}

  /**
   * Makes a slave the master. Answer: {@link ReplicationInfo} once it takes sends; CONFLICT if it
   * is a master, or was not in sync and this is not forced.
   *
   * @param force also where messages that were acked may be missing
   */
  record Promote(boolean force) implements AdminRequest {}

  /**
   * A Broker's replication.
   *
   * @param brokerId 0 for the master
   * @param role master or slave
   * @param epoch number of the present epoch
   * @param confirmedOffset what lies before it is shown to consumers
   * @param maxPhysicalOffset end of the log
   * @param inSync slaves in sync; on a slave 1 if it is
   * @param detail a sentence for people
   * @param slaves those that are connected, by broker id; none on a slave
   * @param followed the master that a slave follows; null on a master
   */
  record ReplicationInfo(
      String brokerName,
      long brokerId,
      String role,
      long epoch,
      long confirmedOffset,
      long maxPhysicalOffset,
      int inSync,
      String detail,
      List<SlaveInfo> slaves,
      FollowedInfo followed)
      implements BusMessage {

    /** An older Broker does not say who its slaves are. */
    public ReplicationInfo {
      slaves = slaves == null ? List.of() : slaves;
    }
  }

  /**
   * A slave with a connection, as its master sees it.
   *
   * @param address at which RocketMQ clients reach it
   * @param receivedTo end of what it said that it has
   * @param sentTo end of what was sent to it
   * @param bytesPerSecond of the log that went to it lately
   */
  record SlaveInfo(
      long brokerId,
      String address,
      long receivedTo,
      long sentTo,
      boolean inSync,
      long bytesPerSecond)
      implements BusMessage {}

  /**
   * A master, as its slave sees it.
   *
   * @param address that it is followed at
   * @param lastReadMs when something came from it, 0 for never
   * @param lastWriteMs when something was said to it, 0 for never
   * @param bytesPerSecond of the log that came lately
   */
  record FollowedInfo(String address, long lastReadMs, long lastWriteMs, long bytesPerSecond)
      implements BusMessage {}

  /** A topic with its queues' offsets, by queue id. */
  record Topic(TopicConfig config, long[] minOffsets, long[] maxOffsets) implements BusMessage {}

  /**
   * Topics, by name.
   *
   * @param readQueues for each how many queues there are to read, which may be more than are
   *     written to
   */
  record Topics(List<TopicConfig> topics, int[] readQueues) implements BusMessage {

    /** Topics that are read as they are written. */
    public Topics(List<TopicConfig> topics) {
      this(topics, topics.stream().mapToInt(TopicConfig::queues).toArray());
    }
  }

  /** Groups, by name. */
  record Groups(List<GroupConfig> groups) implements BusMessage {}

  /**
   * One queue's part of a group's lag.
   *
   * @param committedOffset everything before it is settled
   * @param nextOffset the next one to be handed out for the first time
   * @param maxOffset the next one to be written
   * @param waiting messages not settled yet: not handed out, in flight, or waiting for a retry
   * @param inFlight of those, how many are leased
   * @param retrying of those, how many wait for a retry
   * @param oldestStoredAtMs when the oldest message not settled was stored, or -1
   */
  record QueueLag(
      String topic,
      int queueId,
      long committedOffset,
      long nextOffset,
      long maxOffset,
      long waiting,
      long inFlight,
      long retrying,
      long oldestStoredAtMs)
      implements BusMessage {}

  /** A group's lag, queue by queue. */
  record Lag(String group, List<QueueLag> queues) implements BusMessage {}

  /** A group's position in a topic after it was set, for each queue. */
  record Positions(int[] queueIds, long[] queueOffsets) implements BusMessage {}

  /** Messages found. The receiver closes the block. */
  record Found(MessageBlock messages) implements BusMessage {}

  /**
   * State of a Broker.
   *
   * @param minPhysicalOffset first byte of the log still stored
   * @param maxPhysicalOffset next byte to be written
   * @param forcedPhysicalOffset everything before it is on the disk
   * @param writable whether appends are taken now
   * @param reason why not, or null
   * @param messagesIn messages stored since the start
   * @param messagesOut messages handed out since the start
   * @param waitingReceives long polls that wait now
   * @param leasesInFlight leases in force now
   * @param duplicates repeated sends that were recognised since the start
   * @param duplicateEntries sends that are remembered to recognise repeats
   */
  record BrokerInfo(
      String brokerName,
      long minPhysicalOffset,
      long maxPhysicalOffset,
      long forcedPhysicalOffset,
      boolean writable,
      String reason,
      long messagesIn,
      long messagesOut,
      long waitingReceives,
      long leasesInFlight,
      long duplicates,
      long duplicateEntries)
      implements BusMessage {}
}
