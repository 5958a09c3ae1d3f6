package io.sluice.broker;

import io.sluice.bus.GroupConfig;
import io.sluice.bus.LetterRequest;
import io.sluice.bus.TopicConfig;
import io.sluice.bus.TransactionRequest;

/**
 * One change of a Broker's own state. Changes are records in the commit log and the content of a
 * snapshot; applied in their order to an empty {@link BrokerState} they rebuild it. They say what
 * became, not what was asked, so applying needs no clock. {@link StateCodec} writes them.
 */
sealed interface StateChange {

  /**
   * A process took over the Broker. Its lease numbers are above those of all earlier ones, also of
   * leases whose records were lost with the power.
   *
   * @param incarnation counts the starts, from 1
   */
  record Started(long incarnation) implements StateChange {}

  /**
   * A topic was made or changed.
   *
   * @param queuesEver the most queues it has ever had: those beyond config.queues are read only
   * @param nextOffsets in a snapshot for each of them the next offset to be written; else empty
   */
  record TopicPut(TopicConfig config, int queuesEver, long[] nextOffsets) implements StateChange {}

  /** A topic and all positions in it are gone; its offsets start at 0 if it is made again. */
  record TopicDeleted(String topic) implements StateChange {}

  /** A group was made or changed. */
  record GroupPut(GroupConfig config) implements StateChange {}

  /** A group and all its positions are gone, also those of one that was put aside. */
  record GroupDeleted(String group) implements StateChange {}

  /** A group is gone, but its positions stay for when one of this name is made again. */
  record GroupPutAside(String group) implements StateChange {}

  /**
   * A group consumes a topic; each queue from offset 0 unless {@link Positioned} follows.
   *
   * @param consumption number by which the other changes name the pair; never used again
   */
  record ConsumptionMade(int consumption, String group, String topic) implements StateChange {}

  /** What was in flight in the queue is forgotten, and the group goes on at this offset. */
  record Positioned(int consumption, int queueId, long nextOffset) implements StateChange {}

  /** The offsets before this one that were not handed out were not wanted. */
  record Advanced(int consumption, int queueId, long nextOffset) implements StateChange {}

  /**
   * Offsets that follow each other were handed out, with lease numbers that follow each other.
   *
   * @param attempt the how-manieth time
   * @param held whether a socket holds them: then they are given back at the next start
   * @param popped whether they may come again as soon as their time is over
   */
  record Leased(
      int consumption,
      int queueId,
      long firstOffset,
      int count,
      long firstLease,
      int attempt,
      long deadlineMs,
      boolean ordered,
      boolean held,
      boolean popped)
      implements StateChange {

    Leased(
        int consumption,
        int queueId,
        long firstOffset,
        int count,
        long firstLease,
        int attempt,
        long deadlineMs,
        boolean ordered,
        boolean held) {
      this(
          consumption,
          queueId,
          firstOffset,
          count,
          firstLease,
          attempt,
          deadlineMs,
          ordered,
          held,
          false);
    }
  }

  /** Offsets that follow each other are done with. */
  record Settled(int consumption, int queueId, long firstOffset, int count)
      implements StateChange {}

  /**
   * Leases of offsets that follow each other ended before their time.
   *
   * @param retryAtMs when they may be handed out again
   * @param attempt the attempts that count for them
   * @param nacked whether the consumer said so
   */
  record Returned(
      int consumption,
      int queueId,
      long firstOffset,
      int count,
      long retryAtMs,
      int attempt,
      boolean nacked)
      implements StateChange {}

  /** A lease lasts longer, or ends sooner. */
  record Extended(int consumption, int queueId, long offset, long deadlineMs)
      implements StateChange {}

  /**
   * Delayed messages were delivered up to this one, in the order of when they are due and then of
   * their offsets in the timer queue.
   */
  record TimersFired(long dueMs, long offset) implements StateChange {}

  /** Delayed messages at offsets of the timer queue that follow each other were recalled. */
  record TimersRecalled(long firstOffset, int count) implements StateChange {}

  /**
   * How a group of RocketMQ clients takes a topic's messages.
   *
   * @param popped by pops rather than by pulls
   * @param shareQueues as RocketMQ's popShareQueueNum
   */
  record RequestModeSet(String group, String topic, boolean popped, int shareQueues)
      implements StateChange {}

  /**
   * Transactions whose half messages follow each other ended in the same way.
   *
   * @param firstOffset place of the first one in the queue of half messages
   * @param outcome not OPEN
   */
  record TransactionsEnded(long firstOffset, int count, TransactionRequest.State outcome)
      implements StateChange {}

  /**
   * It was asked how an open transaction ended.
   *
   * @param checks how often so far
   * @param nextCheckMs when it is asked for next
   */
  record TransactionChecked(long offset, int checks, long nextCheckMs) implements StateChange {}

  /** All transactions before this place in the queue of half messages have ended. */
  record TransactionsOver(long beforeOffset) implements StateChange {}

  /** Dead letters of a group, at offsets that follow each other, were redriven or purged. */
  record LettersGone(String group, long firstOffset, long count) implements StateChange {}

  /** What became of the job that redrives or purges a group's dead letters. */
  record LetterJobBecame(String group, LetterRequest.Job job) implements StateChange {}
}
