package io.sluice.broker;

import io.sluice.message.Names;
import io.sluice.store.ConsumeQueue;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;

/**
 * One group's consumption of one topic: a cursor for each queue. Owned by the Broker's event loop.
 */
final class Consumption {

  final int id;
  final GroupState group;
  final TopicState topic;
  private final BrokerState state;
  private QueueCursor[] cursors = new QueueCursor[0];
  private QueueCursor redriven;

  /** The store's queue of what was redriven; filled in by the {@link Catalog}. */
  ConsumeQueue redriveQueue;

  /** The queue that is looked at first the next time, so that none is left behind. */
  int turn;

  /** Who waits for messages; null until somebody did. Owned by the {@link Dispatcher}. */
  WaiterList waiters;

  /**
   * Who waits for one queue or only looks, by {@link Popping#key}; null until somebody did. Owned
   * by the {@link Dispatcher}.
   */
  Map<Integer, WaiterList> waitersApart;

  /** When somebody popped last; owned by the {@link PopHandler}. */
  long lastPopMs = Long.MIN_VALUE / 2;

  /** Reads by workers under way. Owned by the {@link Dispatcher}. */
  int reading;

  /** Messages handed out since the start. */
  long messagesOut;

  /** Whether it stands in the dispatcher's list of those to look at. */
  boolean touched;

  Consumption(BrokerState state, int id, GroupState group, TopicState topic) {
    this.state = state;
    this.id = id;
    this.group = group;
    this.topic = topic;
  }

  /** Whether anybody ever waited here. */
  boolean wasAwaited() {
    return waiters != null || waitersApart != null;
  }

  /** Whether anybody waits here. */
  boolean isAwaited() {
    return waiters != null && !waiters.isEmpty()
        || waitersApart != null && waitersApart.values().stream().anyMatch(list -> !list.isEmpty());
  }

  BrokerState state() {
    return state;
  }

  /** How many queues of the topic there are to consume. */
  int queues() {
    return topic.queuesEver;
  }

  /** As {@link #queues}, and one more if something was redriven for this group. */
  int places() {
    return topic.queuesEver + (redriven == null ? 0 : 1);
  }

  /** The number of the queue at a place below {@link #places}. */
  int queueIdAt(int place) {
    return place < topic.queuesEver ? place : Names.REDRIVE_QUEUE_ID;
  }

  /** Whether there is such a queue to consume. */
  boolean hasQueue(int queueId) {
    return queueId >= 0 && queueId < topic.queuesEver
        || queueId == Names.REDRIVE_QUEUE_ID && redriven != null;
  }

  /** Whether it may hold messages that were tried by other means before. */
  boolean holdsRetries() {
    return redriven != null || topic.retriesOf != null;
  }

  /** The topic of what was redriven for this group. */
  String redriveTopic() {
    return Names.redriveTopic(group.name(), topic.name());
  }

  /** The cursor of what was redriven, or null if nothing ever was. */
  QueueCursor redriven() {
    return redriven;
  }

  /** The cursor of a queue; made at its offset 0 when asked for the first time. */
  QueueCursor cursor(int queueId) {
    if (queueId == Names.REDRIVE_QUEUE_ID) {
      redriven = redriven == null ? new QueueCursor(this, queueId) : redriven;
      return redriven;
    }
    if (queueId >= cursors.length) {
      cursors = Arrays.copyOf(cursors, Math.max(queueId + 1, topic.queuesEver));
    }
    QueueCursor cursor = cursors[queueId];
    if (cursor == null) {
      cursor = new QueueCursor(this, queueId);
      cursors[queueId] = cursor;
    }
    return cursor;
  }

  /** The cursor of a queue, or null if the queue was never looked at. */
  QueueCursor cursorIfAny(int queueId) {
    return queueId < cursors.length ? cursors[queueId] : null;
  }

  /** Does something with each cursor there is. */
  void forEachCursor(Consumer<QueueCursor> action) {
    for (QueueCursor cursor : cursors) {
      if (cursor != null) {
        action.accept(cursor);
      }
    }
    if (redriven != null) {
      action.accept(redriven);
    }
  }
}
