package io.sluice.broker;

import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.message.TimerRecord;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.StoreException;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Carries a group's retries to whoever consumes in the group now. Clients that keep their queues
 * have them in the group's retry topic, which they all read. Leases have them in the table of their
 * queue, and in a queue of redriven messages for each topic of the group. Once consumers of the one
 * kind live and none of the other, what waits in the other's place is copied and settled there in
 * one atomic group: a crash neither loses a message nor makes two. How often it was tried goes with
 * it, in its record.
 *
 * <p>Nothing that is leased is touched; it follows when its lease is over. What was handed out in
 * order stays where it is, as it must not be passed. Decision 0038. Owned by the Broker's event
 * loop.
 */
final class RetryHandover {

  private static final System.Logger LOG = System.getLogger(RetryHandover.class.getName());

  /** Messages carried in one step, at most: about 1 ms. */
  private static final int STEP_MESSAGES = 512;

  /** Bytes carried in one step, beyond which no further message is added. */
  private static final int STEP_BYTES = 1 << 20;

  /** Room for the changes of a step: 512 settlements at most. */
  private static final int CHANGE_BYTES = 64 << 10;

  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final Dispatcher dispatcher;
  private final Reader reader;
  private final ClientKeptHandler clients;
  private final Timers timers;
  private final ConsumeQueue timerQueue;
  private final Turn turn;
  private final Clock clock;

  /** Groups to look at; at most as many as there are groups. */
  private final Set<String> wanted = new LinkedHashSet<>();

  /** Those that wait for the store. */
  private final Set<String> waiting = new HashSet<>();

  private final MessageView view = new MessageView();
  private final PropertiesWriter properties = new PropertiesWriter();

  /** What a worker brought into memory last. */
  private QueueCursor warmCursor;

  private WarmRange warmRange = WarmRange.NONE;

  /** What one step carries out of one queue. */
  private static final class Step {
    private final QueueCursor cursor;
    private final boolean toClients;
    private final MessageBatch batch = new MessageBatch(16 << 10);
    private final List<ConsumeQueue> targets = new ArrayList<>();
    private final Set<TopicState> topics = new LinkedHashSet<>();
    private final Set<Consumption> consumptions = new LinkedHashSet<>();

    /** Offsets that were handed out before. */
    private final List<Long> again = new ArrayList<>();

    /** When those are due that are not yet, and their places in the batch. */
    private final List<Delayed> delayed = new ArrayList<>();

    /** The end of the new ones. */
    private long next;

    private boolean more;

    private Step(QueueCursor cursor, boolean toClients) {
      this.cursor = cursor;
      this.toClients = toClients;
      next = cursor.nextOffset();
    }

    private boolean isEmpty() {
      return again.isEmpty() && next == cursor.nextOffset();
    }
  }

  private record Delayed(int index, long dueMs) {}

  RetryHandover(
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      Dispatcher dispatcher,
      Reader reader,
      ClientKeptHandler clients,
      Timers timers,
      Turn turn,
      Clock clock) {
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.dispatcher = dispatcher;
    this.reader = reader;
    this.clients = clients;
    this.timers = timers;
    timerQueue = store.queue(Names.TIMER_TOPIC, 0);
    this.turn = turn;
    this.clock = clock;
  }

  /** Has a group looked at in this turn, if it may have retries at all. */
  void look(GroupState group) {
    if (state.topics.containsKey(group.retryTopic) && wanted.add(group.name())) {
      turn.request();
    }
  }

  /** Carries a piece for each group. A step of the turn, before those who wait are served. */
  void work() {
    if (wanted.isEmpty()) {
      return;
    }
    for (String name : List.copyOf(wanted)) {
      if (log.isBlocked()) {
        return;
      }
      GroupState group = state.groups.get(name);
      boolean over = group == null || !waiting.contains(name) && !carry(group);
      if (over) {
        wanted.remove(name);
      }
    }
    if (!waiting.containsAll(wanted)) {
      turn.request();
    }
  }

  /**
   * Carries what may be carried now.
   *
   * @return whether there is more, or something has to be waited for
   */
  private boolean carry(GroupState group) {
    return clients.readRetries(group.name())
        ? carryToClients(group)
        : isLeased(group) && carryRetryTopic(group);
  }

  private boolean carryToClients(GroupState group) {
    List<QueueCursor> cursors = new ArrayList<>();
    for (Consumption consumption : group.consumptions.values()) {
      if (clients.shares(group.name(), consumption.topic.name())) {
        consumption.forEachCursor(
            cursor -> {
              if (cursor.isOfRedriven() || cursor.holdsSharedRetries()) {
                cursors.add(cursor);
              }
            });
      }
    }
    for (QueueCursor cursor : cursors) {
      if (carry(cursor, true)) {
        return true;
      }
    }
    return false;
  }

  /** Whether somebody waits for leases of the group's topics. */
  private static boolean isLeased(GroupState group) {
    for (Consumption consumption : group.consumptions.values()) {
      if (consumption.isAwaited() && consumption.topic.retriesOf == null) {
        return true;
      }
    }
    return false;
  }

  private boolean carryRetryTopic(GroupState group) {
    TopicState topic = state.topics.get(group.retryTopic);
    if (topic == null) {
      return false;
    }
    for (int queueId = 0; queueId < topic.queuesEver; queueId++) {
      if (catalog.queue(topic, queueId).maxOffset() == 0) {
        continue;
      }
      // Completes at once: no time is looked up.
      Consumption consumption =
          catalog.consume(group.name(), topic.name(), StartPosition.EARLIEST).result();
      if (carry(consumption.cursor(queueId), false)) {
        return true;
      }
    }
    return false;
  }

  private boolean carry(QueueCursor cursor, boolean toClients) {
    cursor.expire(clock.nowMs(), log.changes());
    Step step = new Step(cursor, toClients);
    collect(step, catalog.queue(cursor.consumption, cursor.queueId));
    if (step.isEmpty()) {
      return step.more;
    }
    return !finish(step) || step.more;
  }

  /** Goes through what waits and copies it to where it belongs. */
  private void collect(Step step, ConsumeQueue queue) {
    QueueCursor cursor = step.cursor;
    Unsettled unsettled = cursor.unsettled();
    BlockBuilder builder = store.newBlock(1);
    try {
      for (int at = unsettled.first(); at >= 0 && !step.more; at = unsettled.next(at)) {
        boolean ready = unsettled.state(at) == Unsettled.READY;
        boolean waits = unsettled.state(at) == Unsettled.WAITING && step.toClients;
        long offset = unsettled.offset(at);
        if ((ready || waits) && isReadable(step, queue, offset)) {
          if (offset >= queue.minOffset()) {
            builder.peek(queue.physicalOffset(offset), queue.recordBytes(offset), view);
            copy(step, unsettled.attempt(at), ready ? 0 : unsettled.dueMs(at));
          }
          step.again.add(offset);
        }
      }
      boolean takesNew = !step.toClients || cursor.isOfRedriven();
      long end = takesNew ? queue.confirmedOffset() : 0;
      long next = Math.max(step.next, queue.minOffset());
      while (next < end && !step.more && isReadable(step, queue, next)) {
        builder.peek(queue.physicalOffset(next), queue.recordBytes(next), view);
        copy(step, view.reconsumeTimes(), 0);
        next++;
        step.next = next;
      }
    } finally {
      builder.build().close();
    }
  }

  /** Whether a message can be read now and fits; if not, the step says that there is more. */
  private boolean isReadable(Step step, ConsumeQueue queue, long offset) {
    if (offset < queue.minOffset()) {
      // Retention was faster: it is settled without a copy.
      return true;
    }
    boolean justRead = step.cursor == warmCursor && warmRange.has(offset);
    if (!justRead && !store.isWarm(queue, offset, 1)) {
      step.more = true;
      if (step.batch.count() == 0) {
        bringIn(step.cursor, queue, offset);
      }
      return false;
    }
    int mostBytes = Math.min(STEP_BYTES, store.maxAtomicBytes() - CHANGE_BYTES);
    int bytes = step.batch.size() + queue.recordBytes(offset);
    step.more = step.batch.count() == STEP_MESSAGES || step.batch.count() > 0 && bytes > mostBytes;
    return !step.more;
  }

  /** Copies the message in the view; {@code dueMs} is 0 if it may be consumed at once. */
  private void copy(Step step, int attempts, long dueMs) {
    GroupState group = step.cursor.consumption.group;
    if (step.toClients) {
      TopicState topic = catalog.topicForUse(group.retryTopic);
      putProperties(step.cursor.consumption.topic.name(), null);
      if (dueMs == 0) {
        step.topics.add(topic);
        add(step, topic.name(), catalog.queue(topic, 0), attempts);
      } else {
        addDelayed(step, topic.name(), attempts, dueMs);
      }
      return;
    }
    String origin = view.property(PropertyNames.RETRY_TOPIC);
    if (origin == null || catalog.topic(origin) == null || origin.equals(group.retryTopic)) {
      String reason =
          origin == null
              ? "its retry does not say which topic it is of"
              : "its topic '" + origin + "' is not there any more";
      TopicState topic = catalog.deadLetterTopic(group.name());
      step.topics.add(topic);
      putProperties(origin, reason);
      add(step, topic.name(), catalog.queue(topic, 0), attempts);
      return;
    }
    Consumption consumption =
        catalog.consume(group.name(), origin, StartPosition.EARLIEST).result();
    ConsumeQueue target = catalog.queue(consumption, Names.REDRIVE_QUEUE_ID);
    if (consumption.redriven() == null) {
      consumption.cursor(Names.REDRIVE_QUEUE_ID).position(target.maxOffset(), log.changes());
    }
    step.consumptions.add(consumption);
    putProperties(origin, null);
    add(step, target.topic(), target, attempts);
  }

  /** The message's own, and where it came from the first time. */
  private void putProperties(String topic, String deadReason) {
    properties.clear();
    view.forEachProperty(
        (name, value) -> {
          boolean replaced = deadReason != null && name.equals(PropertyNames.DEAD_REASON);
          if (!replaced && !TimerRecord.isOfTimer(name)) {
            properties.put(name, value);
          }
        });
    if (view.property(PropertyNames.RETRY_TOPIC) == null) {
      properties
          .put(PropertyNames.RETRY_TOPIC, topic)
          .put(PropertyNames.ORIGIN_MESSAGE_ID, SendBacks.offsetMessageId(view));
    }
    if (deadReason != null) {
      properties.put(PropertyNames.DEAD_REASON, deadReason);
    }
  }

  private void add(Step step, String topic, ConsumeQueue target, int attempts) {
    step.targets.add(target);
    step.batch.add(
        topic,
        QueueSelector.queue(target.queueId()),
        view.flag(),
        MessageLayout.sysFlagOfCopy(view.sysFlag()),
        view.bornAtMs(),
        view.bornHost(),
        attempts,
        0,
        view.bodySlice(),
        properties);
  }

  private void addDelayed(Step step, String topic, int attempts, long dueMs) {
    step.delayed.add(new Delayed(step.batch.count(), dueMs));
    step.targets.add(timerQueue);
    step.batch.addDelayed(
        topic,
        QueueSelector.queue(0),
        dueMs,
        view.flag(),
        MessageLayout.sysFlagOfCopy(view.sysFlag()),
        view.bornAtMs(),
        view.bornHost(),
        attempts,
        view.bodySlice(),
        properties);
  }

  /**
   * Writes what a step does, all or none.
   *
   * @return whether it was done; if not, nothing was
   */
  private boolean finish(Step step) {
    // Topics and cursors that were made just now stand in the log before their first message.
    if (!log.flushAll()) {
      return false;
    }
    int count = step.batch.count();
    int bytes = step.batch.size() + CHANGE_BYTES;
    boolean together = bytes <= store.maxAtomicBytes();
    if (count > 0 && (together ? !store.hasRoom(bytes, false) : !append(step))) {
      waitForStore(step.cursor.consumption.group.name());
      return false;
    }
    settle(step);
    if (count > 0 && together) {
      log.flushWith(step.batch, step.targets.toArray(ConsumeQueue[]::new), () -> arrived(step));
    } else {
      arrived(step);
      log.request();
    }
    return true;
  }

  private void settle(Step step) {
    QueueCursor cursor = step.cursor;
    step.again.forEach(offset -> cursor.unwanted(offset, log.changes()));
    if (step.next > cursor.nextOffset()) {
      cursor.passOverNew(step.next, log.changes());
    }
    if (!step.toClients) {
      cursor.handedOverBefore = cursor.committedOffset();
    }
  }

  /** A message too large for one segment with its change goes first; a crash between makes two. */
  private boolean append(Step step) {
    int count = step.batch.count();
    ConsumeQueue[] targets = step.targets.toArray(ConsumeQueue[]::new);
    return store.append(step.batch, 0, count, targets, new long[count], new long[count], false)
        == count;
  }

  private void arrived(Step step) {
    int delayed = step.delayed.size();
    for (int i = 0; i < delayed; i++) {
      Delayed each = step.delayed.get(i);
      long dueMs = Math.max(each.dueMs(), step.batch.storedAtMs(each.index()));
      timers.arm(dueMs, timerQueue.maxOffset() - delayed + i);
    }
    step.consumptions.forEach(dispatcher::touch);
    step.topics.forEach(
        topic -> {
          dispatcher.arrived(topic);
          reader.arrived(topic);
        });
  }

  private void bringIn(QueueCursor cursor, ConsumeQueue queue, long from) {
    String group = cursor.consumption.group.name();
    waiting.add(group);
    Future.fromCompletionStage(Blocks.warm(store, queue, from, MessageFilter.ALL))
        .onComplete(
            warm -> {
              waiting.remove(group);
              if (warm.succeeded()) {
                warmCursor = cursor;
                warmRange = WarmRange.of(from, warm.result());
              } else {
                LOG.log(Level.WARNING, "could not read retries of " + group, warm.cause());
                wanted.remove(group);
              }
              turn.request();
            });
  }

  private void waitForStore(String group) {
    waiting.add(group);
    StoreException refusal = store.refusal();
    // A broken store takes nothing until the next start.
    if (refusal == null || Refusals.isPassing(refusal)) {
      store.whenWritable(
          () -> {
            waiting.remove(group);
            turn.request();
          });
    }
  }
}
