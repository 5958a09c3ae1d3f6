package io.sluice.broker;

import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import io.sluice.store.ConsumeQueue;
import java.util.ArrayList;
import java.util.List;

/** A topic: how it is configured, its queues, who consumes it. Owned by the Broker's event loop. */
final class TopicState {

  TopicConfig config;

  /**
   * How long a repeated send is recognised, in ms; 0 for not, -1 for as long as the Broker says.
   */
  long duplicateWindowMs;

  /** How many sends are remembered to recognise repeats; -1 for as many as the Broker says. */
  int duplicateEntries;

  /** How long messages may wait for a consumer, in ms; 0 or less for any time. */
  long ttlMs;

  /** Whether messages may expire at all: dead letters do not. */
  boolean mayExpire;

  /** Whether expired messages go to the dead letters of the group that they waited for. */
  boolean buriesExpired;

  /** The most queues it has ever had: those beyond config.queues are drained, not written. */
  int queuesEver;

  /** The group whose retries it holds, or null if it is no retry topic. */
  final String retriesOf;

  final List<Consumption> consumptions = new ArrayList<>();

  /** The store's queues, by id; filled in by the Broker, null before. */
  ConsumeQueue[] queues = new ConsumeQueue[0];

  /** Which queue the next message without a choice goes to. */
  int turn;

  /** Which queue the next read begins with. */
  int readTurn;

  /** Who waits for messages by offset; null until somebody did. Owned by the Broker. */
  WaiterList readers;

  /** Messages stored since the start. */
  long messagesIn;

  /** Whether something arrived in this turn of the event loop. */
  boolean arrived;

  TopicState(TopicConfig config, int queuesEver) {
    this.queuesEver = queuesEver;
    retriesOf =
        config.name().startsWith(Names.RETRY_PREFIX)
            ? config.name().substring(Names.RETRY_PREFIX.length())
            : null;
    configure(config);
  }

  /** Takes over a configuration. */
  void configure(TopicConfig config) {
    this.config = config;
    // A client sends what it could not consume with the id of the message that it is a copy of.
    boolean derived =
        config.name().startsWith(Names.RETRY_PREFIX)
            || config.name().startsWith(Names.DEAD_LETTER_PREFIX);
    duplicateWindowMs = derived ? 0 : config.duplicateWindowMs();
    duplicateEntries = config.duplicateEntries();
    ttlMs = derived ? 0 : config.ttlMs();
    mayExpire = !config.name().startsWith(Names.DEAD_LETTER_PREFIX);
    buriesExpired = config.buriesExpired();
  }

  String name() {
    return config.name();
  }
}
