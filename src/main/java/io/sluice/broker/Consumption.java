package io.sluice.broker;

import java.util.Arrays;
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

  /** The queue that is looked at first the next time, so that none is left behind. */
  int turn;

  /** Who waits for messages; null until somebody did. Owned by the {@link Dispatcher}. */
  WaiterList waiters;

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

  BrokerState state() {
    return state;
  }

  /** How many queues there are to consume. */
  int queues() {
    return topic.queuesEver;
  }

  /** The cursor of a queue; made at its offset 0 when asked for the first time. */
  QueueCursor cursor(int queueId) {
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
  }
}
