package io.sluice.broker;

import io.sluice.broker.StateChange.Advanced;
import io.sluice.broker.StateChange.ConsumptionMade;
import io.sluice.broker.StateChange.Extended;
import io.sluice.broker.StateChange.GroupDeleted;
import io.sluice.broker.StateChange.GroupPut;
import io.sluice.broker.StateChange.GroupPutAside;
import io.sluice.broker.StateChange.Leased;
import io.sluice.broker.StateChange.LetterJobBecame;
import io.sluice.broker.StateChange.LettersGone;
import io.sluice.broker.StateChange.Positioned;
import io.sluice.broker.StateChange.RequestModeSet;
import io.sluice.broker.StateChange.Returned;
import io.sluice.broker.StateChange.Settled;
import io.sluice.broker.StateChange.Started;
import io.sluice.broker.StateChange.TimersFired;
import io.sluice.broker.StateChange.TimersRecalled;
import io.sluice.broker.StateChange.TopicDeleted;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.broker.StateChange.TransactionChecked;
import io.sluice.broker.StateChange.TransactionsEnded;
import io.sluice.broker.StateChange.TransactionsOver;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * All that a Broker knows beside the messages: topics, groups, positions, leases. In memory; made
 * durable by the {@link StateChange}s in the log. Owned by the Broker's event loop.
 */
final class BrokerState {

  /** Lease numbers of one start of the process: 2^40, 18 days at a million a second. */
  private static final int LEASE_BITS = 40;

  /** Topic changes of one start that the data version can count before the next start's. */
  private static final int VERSION_BITS = 20;

  final Map<String, TopicState> topics = new TreeMap<>();
  final Map<String, GroupState> groups = new TreeMap<>();

  /** Groups that were deleted and are remembered for their positions; no name is in both maps. */
  final Map<String, GroupState> groupsAside = new TreeMap<>();

  final DueQueue due = new DueQueue();
  final Holders holders = new Holders();

  private final Map<Integer, Consumption> consumptions = new HashMap<>();
  private long incarnation;

  /** Which delayed messages are done with. */
  final TimerState timers = new TimerState();

  /** How groups of RocketMQ clients are to take messages. */
  final RequestModes requestModes = new RequestModes();

  /** Which dead letters are done with. */
  final LetterState letters = new LetterState();

  /** How transactions ended. */
  final TransactionState transactions = new TransactionState();

  private Consumer<List<Part>> openTransactions = parts -> {};

  private long nextLease = 1;
  private int nextConsumption = 1;
  private long topicChanges;

  /** Counts the starts of the Broker. */
  long incarnation() {
    return incarnation;
  }

  /** Rises with each change of the topics, over restarts too. */
  long dataVersion() {
    return (incarnation << VERSION_BITS) + topicChanges;
  }

  /** Sets who adds to a snapshot what is known of open transactions. */
  void connect(Consumer<List<Part>> openTransactions) {
    this.openTransactions = openTransactions;
  }

  /** A new lease number, higher than all before. */
  long takeLease() {
    return nextLease++;
  }

  /**
   * Whether a lease of this number may have been given. Numbers of earlier incarnations are taken
   * as given: their records may have been lost, their receipts not.
   */
  boolean wasGiven(long lease) {
    return lease > 0 && lease < nextLease;
  }

  /** The number for the next {@link ConsumptionMade}. */
  int nextConsumption() {
    return nextConsumption;
  }

  Consumption consumption(int id) {
    return consumptions.get(id);
  }

  Iterable<Consumption> consumptions() {
    return consumptions.values();
  }

  /** What a group consumes of a topic, or null if it never did. */
  Consumption consumption(String group, String topic) {
    GroupState state = groups.get(group);
    return state == null ? null : state.consumptions.get(topic);
  }

  /** The consumption whose redriven messages are in a topic of this name, or null. */
  Consumption redriven(String topic) {
    int plus = topic.indexOf('+');
    return plus < 0 || !topic.startsWith(Names.RETRY_PREFIX)
        ? null
        : consumption(
            topic.substring(Names.RETRY_PREFIX.length(), plus), topic.substring(plus + 1));
  }

  /**
   * Applies a change that was recorded, or is being recorded. Changes of what is not there any more
   * are ignored: a late change of a deleted group does no harm.
   */
  void apply(StateChange change) {
    if (change instanceof Leased leased) {
      nextLease = Math.max(nextLease, leased.firstLease() + leased.count());
      withCursor(leased.consumption(), leased.queueId(), cursor -> cursor.applyLease(leased));
    } else if (change instanceof Settled settled) {
      withCursor(
          settled.consumption(),
          settled.queueId(),
          cursor -> cursor.applySettle(settled.firstOffset(), settled.count()));
    } else if (change instanceof Returned returned) {
      withCursor(
          returned.consumption(), returned.queueId(), cursor -> cursor.applyReturn(returned));
    } else if (change instanceof Extended extended) {
      withCursor(
          extended.consumption(),
          extended.queueId(),
          cursor -> cursor.applyExtend(extended.offset(), extended.deadlineMs()));
    } else if (change instanceof Advanced advanced) {
      withCursor(
          advanced.consumption(),
          advanced.queueId(),
          cursor -> cursor.applyAdvance(advanced.nextOffset()));
    } else if (change instanceof Positioned positioned) {
      withCursor(
          positioned.consumption(),
          positioned.queueId(),
          cursor -> cursor.applyPosition(positioned.nextOffset()));
    } else {
      applyRare(change);
    }
  }

  /**
   * Hands over the changes that rebuild this state from nothing, in parts that can be encoded one
   * after another while the state goes on changing. Each part is as it is when it is asked for.
   * That is right as long as the changes recorded since this call are applied again behind all
   * parts: they say what became, so a part that knows of them already ends up the same.
   *
   * @param nextOffsets for each topic the next offset of each of its queues
   */
  List<Part> snapshot(NextOffsets nextOffsets) {
    List<Part> parts = new ArrayList<>();
    parts.add(out -> out.accept(new Started(incarnation)));
    for (TopicState topic : topics.values()) {
      parts.add(
          out -> out.accept(new TopicPut(topic.config, topic.queuesEver, nextOffsets.of(topic))));
    }
    for (GroupState group : groups.values()) {
      parts.add(out -> out.accept(new GroupPut(group.config)));
    }
    // They have to be there while their consumptions are made, and go aside behind them.
    for (GroupState group : groupsAside.values()) {
      parts.add(out -> out.accept(new GroupPut(group.config)));
    }
    for (Consumption consumption : new TreeMap<>(consumptions).values()) {
      parts.add(
          out ->
              out.accept(
                  new ConsumptionMade(
                      consumption.id, consumption.group.name(), consumption.topic.name())));
      consumption.forEachCursor(cursor -> parts.add(cursor::snapshot));
    }
    for (String group : groupsAside.keySet()) {
      parts.add(out -> out.accept(new GroupPutAside(group)));
    }
    timers.addParts(parts);
    parts.add(requestModes::snapshot);
    transactions.addParts(parts);
    openTransactions.accept(parts);
    letters.addParts(parts);
    parts.add(this::snapshotNumbers);
    return parts;
  }

  /** Keeps the numbers rising even if the last leases and consumptions are all gone. */
  private void snapshotNumbers(Consumer<StateChange> out) {
    out.accept(new Leased(0, 0, 0, 0, nextLease, 0, 0, false, false));
    out.accept(new ConsumptionMade(nextConsumption - 1, "", ""));
  }

  private void applyRare(StateChange change) {
    if (change instanceof Started started) {
      incarnation = started.incarnation();
      nextLease = Math.max(nextLease, (incarnation << LEASE_BITS) + 1);
      topicChanges = 0;
    } else if (change instanceof TopicPut put) {
      putTopic(put.config(), put.queuesEver());
    } else if (change instanceof TopicDeleted deleted) {
      deleteTopic(deleted.topic());
    } else if (change instanceof GroupPut put) {
      putGroup(put.config());
    } else if (change instanceof GroupDeleted deleted) {
      deleteGroup(deleted.group());
    } else if (change instanceof GroupPutAside aside) {
      putGroupAside(aside.group());
    } else if (change instanceof ConsumptionMade made) {
      makeConsumption(made);
    } else if (change instanceof TimersFired fired) {
      timers.apply(fired);
    } else if (change instanceof TimersRecalled recalled) {
      timers.apply(recalled);
    } else if (change instanceof RequestModeSet set) {
      requestModes.apply(set);
    } else if (change instanceof TransactionsEnded ended) {
      transactions.apply(ended);
    } else if (change instanceof TransactionChecked checked) {
      transactions.apply(checked);
    } else if (change instanceof TransactionsOver over) {
      transactions.apply(over);
    } else if (change instanceof LettersGone gone) {
      letters.apply(gone);
    } else if (change instanceof LetterJobBecame became) {
      letters.apply(became);
    } else {
      throw new IllegalStateException("no way to apply " + change);
    }
  }

  private void putTopic(TopicConfig config, int queuesEver) {
    topicChanges++;
    TopicState topic = topics.get(config.name());
    if (topic == null) {
      topics.put(config.name(), new TopicState(config, Math.max(queuesEver, config.queues())));
    } else {
      topic.configure(config);
      topic.queuesEver = Math.max(topic.queuesEver, Math.max(queuesEver, config.queues()));
    }
  }

  private void deleteTopic(String name) {
    letters.topicDeleted(name);
    TopicState topic = topics.remove(name);
    if (topic == null) {
      return;
    }
    topicChanges++;
    requestModes.forgetTopic(name);
    for (Consumption consumption : topic.consumptions) {
      consumption.group.consumptions.remove(name);
      forget(consumption);
    }
  }

  private void putGroup(GroupConfig config) {
    GroupState group = groups.get(config.name());
    if (group == null) {
      group = groupsAside.remove(config.name());
      groups.put(config.name(), group == null ? new GroupState(config) : group);
    }
    if (group != null) {
      group.config = config;
    }
  }

  private void putGroupAside(String name) {
    GroupState group = groups.remove(name);
    if (group != null) {
      groupsAside.put(name, group);
    }
  }

  private void deleteGroup(String name) {
    GroupState present = groups.remove(name);
    GroupState group = present == null ? groupsAside.remove(name) : present;
    if (group == null) {
      return;
    }
    requestModes.forgetGroup(name);
    for (Consumption consumption : group.consumptions.values()) {
      consumption.topic.consumptions.remove(consumption);
      forget(consumption);
    }
  }

  private void makeConsumption(ConsumptionMade made) {
    nextConsumption = Math.max(nextConsumption, made.consumption() + 1);
    GroupState group = groups.get(made.group());
    TopicState topic = topics.get(made.topic());
    if (group == null || topic == null || consumptions.containsKey(made.consumption())) {
      return;
    }
    Consumption consumption = new Consumption(this, made.consumption(), group, topic);
    consumptions.put(consumption.id, consumption);
    group.consumptions.put(made.topic(), consumption);
    topic.consumptions.add(consumption);
  }

  private void forget(Consumption consumption) {
    consumptions.remove(consumption.id);
    consumption.forEachCursor(QueueCursor::forget);
  }

  private void withCursor(int consumptionId, int queueId, Consumer<QueueCursor> action) {
    Consumption consumption = consumptions.get(consumptionId);
    if (consumption != null) {
      action.accept(consumption.cursor(queueId));
    }
  }

  /** A part of a snapshot. */
  interface Part {
    void write(Consumer<StateChange> out);
  }

  /** Says where the queues of a topic end. */
  interface NextOffsets {
    long[] of(TopicState topic);
  }
}
