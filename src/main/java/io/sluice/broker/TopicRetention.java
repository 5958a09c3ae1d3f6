package io.sluice.broker;

import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.util.Clock;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Lets messages go that are older than their topic keeps them: its queues begin behind them at the
 * next look. That is before their segments go, which are those of all topics. One queue is looked
 * at after the other, by a worker; a queue with nothing to go costs the look at one record.
 *
 * <p>Owned by the Broker's event loop.
 */
final class TopicRetention {

  private static final System.Logger LOG = System.getLogger(TopicRetention.class.getName());

  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final Clock clock;
  private final Deque<Look> left = new ArrayDeque<>();

  /** A queue, and before what its messages go. */
  private record Look(ConsumeQueue queue, long beforeMs) {}

  TopicRetention(MessageStore store, BrokerState state, Catalog catalog, Clock clock) {
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.clock = clock;
  }

  /** Begins a look at all topics that have a time of their own, unless one goes on. */
  void look() {
    if (!left.isEmpty()) {
      return;
    }
    for (TopicState topic : state.topics.values()) {
      if (topic.config.retentionMs() > 0) {
        for (int queueId = 0; queueId < topic.queuesEver; queueId++) {
          ConsumeQueue queue = catalog.queue(topic, queueId);
          if (queue.minOffset() < queue.maxOffset()) {
            left.add(new Look(queue, clock.nowMs() - topic.config.retentionMs()));
          }
        }
      }
    }
    next();
  }

  private void next() {
    Look look = left.peek();
    if (look == null) {
      return;
    }
    store
        .expireBefore(look.queue(), look.beforeMs())
        .whenComplete(
            (done, failure) -> {
              if (failure != null) {
                LOG.log(Level.WARNING, "could not look for what expired in " + look, failure);
              }
              left.remove();
              next();
            });
  }
}
