package io.sluice.broker;

import io.sluice.broker.StateChange.TimersFired;
import io.sluice.broker.StateChange.TimersRecalled;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.message.TimerRecord;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.EntryVisitor;
import io.sluice.store.MessageStore;
import io.sluice.store.StoreException;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Delivers messages when they are due. They wait as records of the timer topic, whose queue entries
 * say when each is due; that queue is the whole index, on the disk and rebuilt with the others. In
 * memory are only those due next, in a heap of bounded size; when it runs low a worker goes through
 * the entries for the next ones.
 *
 * <p>What is due is appended to its own topic together with the change that says so: a crash
 * neither loses a message nor delivers it twice. The order of delivery is by due time, then by
 * offset; no record stored later can come before what was delivered, as none is due before it was
 * stored. So one place in that order, and the recalled ones behind it, say what waits.
 *
 * <p>Nothing is delivered before the clock says its time, and none twice when the clock goes back.
 * Owned by the Broker's event loop.
 */
final class Timers {

  private static final System.Logger LOG = System.getLogger(Timers.class.getName());

  /** So many are kept in memory after a look through the queue: 4 MiB. */
  static final int KEEP = 1 << 18;

  /** Delivered by one append, at most: about 1 ms. */
  private static final int GROUP_MESSAGES = 256;

  /** Bytes of them, beyond which no further one is added. */
  private static final int GROUP_BYTES = 1 << 20;

  /** What the change and its marker take of a group, with room to spare. */
  static final int CHANGE_BYTES = 1_024;

  /** Groups delivered in one turn, then others have theirs. */
  private static final int GROUPS_PER_TURN = 8;

  /** So many entries that came during a look are looked at on the event loop: below 1 ms. */
  private static final int FEW = 8_192;

  /** After a look that failed the next one waits so long. */
  private static final long LOOK_AGAIN_NS = 1_000_000_000L;

  /** Records with one id that are looked at: a repeated send has the same. */
  private static final int SAME_ID = 16;

  private final MessageStore store;
  private final TimerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final Dispatcher dispatcher;
  private final Reader reader;
  private final Turn turn;
  private final Clock clock;
  private final int keep;

  /** At so many the later half is let go: by default 8 MiB, and a pause of some 5 ms to do it. */
  private final int most;

  private final ConsumeQueue queue;
  private final TimerHeap heap = new TimerHeap();
  private final MessageView view = new MessageView();
  private final PropertiesWriter properties = new PropertiesWriter();

  // What is in order before this place is in the heap or done with; what is behind it, on the disk.
  private long horizonDueMs = Long.MIN_VALUE;
  private long horizonOffset;

  private long firstWaiting;
  private long firstWaitingPhysical = -1;
  private boolean scanning;
  private boolean spilledInScan;
  private boolean lookFailed;
  private long lookAgainAtNs;

  // Due and being delivered, in order.
  private final long[] dueTimesMs = new long[GROUP_MESSAGES];
  private final long[] offsets = new long[GROUP_MESSAGES];
  private int dueCount;
  private boolean warm;
  private boolean suspect;
  private boolean waits;
  private boolean stopped;

  private long armed;
  private long delivered;
  private long recalled;
  private long dropped;

  Timers(
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      Dispatcher dispatcher,
      Reader reader,
      Turn turn,
      Clock clock,
      int keep) {
    this.store = store;
    this.state = state.timers;
    this.catalog = catalog;
    this.log = log;
    this.dispatcher = dispatcher;
    this.reader = reader;
    this.turn = turn;
    this.clock = clock;
    this.keep = keep;
    most = 2 * keep;
    queue = store.queue(Names.TIMER_TOPIC, 0);
  }

  /** The queue of the records that wait. */
  ConsumeQueue queue() {
    return queue;
  }

  /** Messages delivered since the start. */
  long delivered() {
    return delivered;
  }

  /** Messages recalled since the start. */
  long recalled() {
    return recalled;
  }

  /** Messages that could not be delivered as their topic is gone, since the start. */
  long dropped() {
    return dropped;
  }

  /** Messages that began to wait since the start. */
  long armed() {
    return armed;
  }

  /** Begins, after the state was rebuilt: looks for what is due first. */
  void start() {
    store.noteTime(state.firedDueMs());
    // Offsets that are known to be used do not come again, even if all their records have expired.
    store.ensureOffset(queue, state.lastOffset() + 1);
    firstWaiting = queue.minOffset();
    look();
  }

  /** Nothing is delivered any more. */
  void stop() {
    stopped = true;
  }

  /** When something has to be done next, or {@code Long.MAX_VALUE}. */
  long nextMs() {
    if (stopped || waits || dueCount > 0) {
      return Long.MAX_VALUE;
    }
    if (!lookFailed) {
      return heap.firstDueMs();
    }
    long againMs = clock.nowMs() + (lookAgainAtNs - clock.nowNs()) / 1_000_000;
    return Math.min(heap.firstDueMs(), againMs);
  }

  /**
   * First byte of the log that is needed for what waits, or {@code Long.MAX_VALUE}.
   *
   * @return -1 if this is not known yet
   */
  long retentionFloor() {
    return firstWaitingPhysical;
  }

  /** A record of the timer topic was appended. */
  void arm(long dueMs, long offset) {
    armed++;
    if (firstWaitingPhysical == Long.MAX_VALUE) {
      // Until the next look nothing before it waits: it is the first one.
      firstWaiting = offset;
      firstWaitingPhysical = queue.physicalOffset(offset);
    }
    if (!TimerHeap.isBefore(dueMs, offset, horizonDueMs, horizonOffset)) {
      return;
    }
    heap.push(dueMs, offset);
    if (heap.size() > most) {
      long[] first = heap.keepFirst(keep);
      heap.order();
      horizonDueMs = first[0];
      horizonOffset = first[1];
      spilledInScan |= scanning;
    }
    turn.request();
  }

  /**
   * Recalls a message that waits. Answered when that is in the log: completes with true if it is
   * recalled, with false if it was delivered; fails with MESSAGE_NOT_FOUND if there is none.
   */
  Future<Boolean> recall(String topic, String messageId) {
    return Future.fromCompletionStage(store.findByKey(Names.TIMER_TOPIC, messageId, SAME_ID))
        .compose(
            found -> {
              try (found) {
                Boolean outcome = recall(found, topic, messageId);
                return outcome != null
                    ? Future.succeededFuture(outcome)
                    : wasDelivered(topic, messageId);
              }
            });
  }

  /** Whether one of these is recalled; null if none is of this topic and id. */
  private Boolean recall(MessageBlock found, String topic, String messageId) {
    Boolean outcome = null;
    for (int i = 0; i < found.count(); i++) {
      found.view(i, view);
      if (!messageId.equals(view.property(PropertyNames.UNIQUE_KEY))
          || !topic.equals(view.property(PropertyNames.REAL_TOPIC))) {
        continue;
      }
      long offset = view.queueOffset();
      if (state.isRecalled(offset)) {
        outcome = Boolean.TRUE;
      } else if (state.isAhead(TimerRecord.dueAtMs(view), offset)) {
        log.checkWritable();
        state.recall(offset);
        log.changes().change(new TimersRecalled(offset, 1));
        log.request();
        recalled++;
        outcome = Boolean.TRUE;
      } else if (outcome == null) {
        outcome = Boolean.FALSE;
      }
    }
    return outcome;
  }

  /** The record that waited has expired, or there never was one. */
  private Future<Boolean> wasDelivered(String topic, String messageId) {
    return Future.fromCompletionStage(store.findByKey(topic, messageId, 1))
        .compose(
            found -> {
              try (found) {
                return found.count() > 0
                    ? Future.succeededFuture(false)
                    : Future.failedFuture(
                        new SluiceException(
                            ErrorCode.MESSAGE_NOT_FOUND,
                            "no message '" + messageId + "' of '" + topic + "' waits"));
              }
            });
  }

  /** Delivers what is due. A step of the turn. */
  void deliver() {
    if (stopped || waits || log.isBlocked()) {
      return;
    }
    long nowMs = clock.nowMs();
    int groups = 0;
    while (dueCount > 0 || heap.firstDueMs() <= nowMs) {
      if (groups++ == GROUPS_PER_TURN) {
        turn.request();
        break;
      }
      take(nowMs);
      if (!deliverGroup()) {
        break;
      }
    }
    maybeLook();
  }

  /** Takes from the heap what is due. */
  private void take(long nowMs) {
    while (dueCount < GROUP_MESSAGES && heap.firstDueMs() <= nowMs) {
      // Who comes from now on is due behind these.
      store.noteTime(heap.firstDueMs());
      dueTimesMs[dueCount] = heap.firstDueMs();
      offsets[dueCount] = heap.firstOffset();
      dueCount++;
      heap.pop();
      warm = false;
      suspect = false;
    }
  }

  /** Delivers the first of those that were taken; false if it has to wait. */
  private boolean deliverGroup() {
    if (!warm && !areWarm()) {
      bringIn();
      return false;
    }
    MessageBatch batch = new MessageBatch(16 << 10);
    List<ConsumeQueue> targets = new ArrayList<>();
    List<TopicState> topics = new ArrayList<>();
    int count = collect(batch, targets, topics);
    // Topics that were made just now stand in the log before their first message.
    if (!log.flushAll()) {
      return false;
    }
    if (batch.count() > 0 && !store.hasRoom(batch.size() + CHANGE_BYTES, false)) {
      waitForStore();
      return false;
    }
    long lastDueMs = dueTimesMs[count - 1];
    long lastOffset = offsets[count - 1];
    state.fired(lastDueMs, lastOffset);
    log.changes().change(new TimersFired(lastDueMs, lastOffset));
    forget(count);
    if (batch.count() == 0) {
      return log.flush();
    }
    delivered += batch.count();
    return log.flushWith(
        batch, targets.toArray(ConsumeQueue[]::new), () -> topics.forEach(this::arrived));
  }

  private void arrived(TopicState topic) {
    dispatcher.arrived(topic);
    reader.arrived(topic);
  }

  private void forget(int count) {
    System.arraycopy(dueTimesMs, count, dueTimesMs, 0, dueCount - count);
    System.arraycopy(offsets, count, offsets, 0, dueCount - count);
    dueCount -= count;
  }

  private boolean areWarm() {
    for (int i = 0; i < dueCount; i++) {
      if (!state.isRecalled(offsets[i]) && !store.isWarm(queue, offsets[i], 1)) {
        return false;
      }
    }
    return true;
  }

  private void bringIn() {
    waits = true;
    Future.fromCompletionStage(store.warm(queue, Arrays.copyOf(offsets, dueCount)))
        .onComplete(
            done -> {
              waits = false;
              warm = true;
              suspect = done.failed();
              if (done.failed()) {
                LOG.log(Level.ERROR, "could not read delayed messages that are due", done.cause());
              }
              turn.request();
            });
  }

  private void waitForStore() {
    StoreException refusal = store.refusal();
    if (refusal == null || Refusals.isPassing(refusal)) {
      waits = true;
      store.whenWritable(
          () -> {
            waits = false;
            turn.request();
          });
    } else {
      // A broken store takes nothing until the next start, which finds them waiting.
      stopped = true;
    }
  }

  /**
   * Encodes what fits into one group, but for what was recalled.
   *
   * @return how many of those taken are done with then
   */
  private int collect(MessageBatch batch, List<ConsumeQueue> targets, List<TopicState> topics) {
    int mostBytes = Math.min(GROUP_BYTES, store.maxAtomicBytes() - CHANGE_BYTES);
    BlockBuilder builder = store.newBlock(dueCount);
    try {
      for (int i = 0; i < dueCount; i++) {
        if (state.isRecalled(offsets[i]) || offsets[i] < queue.minOffset()) {
          continue;
        }
        int bytes = queue.recordBytes(offsets[i]);
        if (batch.count() > 0 && batch.size() + bytes > mostBytes) {
          return i;
        }
        MessageView record = builder.peek(queue.physicalOffset(offsets[i]), bytes, view);
        if (!suspect || isWhole(record, offsets[i], bytes)) {
          add(record, batch, targets, topics);
        }
      }
      return dueCount;
    } finally {
      builder.build().close();
    }
  }

  /** A damaged record must not keep those behind it from being delivered. */
  private boolean isWhole(MessageView record, long offset, int bytes) {
    int end = record.position() + bytes;
    long physicalOffset = queue.physicalOffset(offset);
    if (MessageView.wholeRecordBytes(record.buffer(), record.position(), end, physicalOffset)
        == bytes) {
      return true;
    }
    dropped++;
    LOG.log(
        Level.ERROR,
        "the delayed message at offset {0} of the timer queue, physical offset {1}, is damaged and"
            + " can not be delivered",
        Long.toString(offset),
        Long.toString(physicalOffset));
    return false;
  }

  private void add(
      MessageView record, MessageBatch batch, List<ConsumeQueue> targets, List<TopicState> topics) {
    String name = record.property(PropertyNames.REAL_TOPIC);
    TopicState topic;
    try {
      topic = catalog.topicForUse(name);
    } catch (SluiceException e) {
      dropped++;
      LOG.log(
          Level.WARNING,
          "a delayed message at offset {0} of the timer queue can not be delivered: {1}",
          record.queueOffset(),
          e.getMessage());
      return;
    }
    properties.clear();
    record.forEachProperty(
        (property, value) -> {
          if (!TimerRecord.isOfTimer(property)) {
            properties.put(property, value);
          }
        });
    batch.add(
        name,
        QueueSelector.ANY,
        record.flag(),
        record.sysFlag() & ~MessageLayout.SYS_STORE_HOST_V6,
        record.bornAtMs(),
        record.bornHost(),
        record.reconsumeTimes(),
        0,
        record.bodySlice(),
        properties);
    targets.add(catalog.queueFor(topic, TimerRecord.selector(record, topic.config.queues())));
    topics.add(topic);
  }

  // Looks through the queue.

  /** A look: filled on a worker, then read on the event loop. */
  private final class Look implements EntryVisitor {
    private final TimerHeap found = new TimerHeap();
    private final long firedDueMs = state.firedDueMs();
    private final long firedOffset = state.firedOffset();
    private final long fromDueMs = horizonDueMs;
    private final long fromOffset = horizonOffset;
    private long toDueMs = Long.MAX_VALUE;
    private long toOffset = Long.MAX_VALUE;
    private long first = -1;
    private long firstPhysical = Long.MAX_VALUE;

    @Override
    public boolean visit(long offset, long physicalOffset, long dueMs) {
      if (!TimerHeap.isBefore(firedDueMs, firedOffset, dueMs, offset)) {
        return true;
      }
      if (first < 0) {
        first = offset;
        firstPhysical = physicalOffset;
      }
      if (TimerHeap.isBefore(dueMs, offset, fromDueMs, fromOffset)
          || !TimerHeap.isBefore(dueMs, offset, toDueMs, toOffset)) {
        return true;
      }
      found.append(dueMs, offset);
      if (found.size() >= most) {
        cut();
      }
      return true;
    }

    /** Only the first ones are kept; what is behind them stays on the disk. */
    private void cut() {
      long[] dropped = found.keepFirst(keep);
      toDueMs = dropped[0];
      toOffset = dropped[1];
    }
  }

  private void maybeLook() {
    boolean mayLook = !scanning && (!lookFailed || clock.nowNs() - lookAgainAtNs >= 0);
    if (mayLook && horizonDueMs < Long.MAX_VALUE && heap.size() <= keep / 4) {
      look();
    }
  }

  private void look() {
    scanning = true;
    spilledInScan = false;
    lookFailed = false;
    lookOn(new Look(), firstWaiting);
  }

  private void lookOn(Look look, long from) {
    long to = queue.maxOffset();
    if (to - from > FEW || from < to && !store.isWarm(queue, from, (int) (to - from))) {
      Future.fromCompletionStage(store.scan(queue, from, to, look))
          .onComplete(
              done -> {
                if (stopped) {
                  return;
                }
                if (done.failed()) {
                  LOG.log(Level.ERROR, "could not look for delayed messages", done.cause());
                  scanning = false;
                  lookFailed = true;
                  lookAgainAtNs = clock.nowNs() + LOOK_AGAIN_NS;
                  turn.request();
                  return;
                }
                lookOn(look, Math.max(to, done.result()));
              });
      return;
    }
    for (long offset = Math.max(from, queue.minOffset()); offset < to; offset++) {
      look.visit(offset, queue.physicalOffset(offset), queue.tagsCode(offset));
    }
    end(look, to);
  }

  private void end(Look look, long to) {
    scanning = false;
    moveOn(look.first < 0 ? to : look.first, look.first < 0 ? Long.MAX_VALUE : look.firstPhysical);
    if (spilledInScan) {
      // What was let go meanwhile this look did not see; the next one does.
      maybeLook();
      return;
    }
    if (look.found.size() > keep) {
      look.cut();
    }
    for (int i = 0; i < look.found.size(); i++) {
      heap.append(look.found.dueMs(i), look.found.offset(i));
    }
    heap.order();
    horizonDueMs = look.toDueMs;
    horizonOffset = look.toOffset;
    turn.request();
  }

  private void moveOn(long offset, long physicalOffset) {
    firstWaiting = offset;
    firstWaitingPhysical = physicalOffset;
    state.forgetBefore(offset);
  }

  /** Finds anew what is the first that waits, so that the log before it may go. Now and then. */
  void findFirst() {
    if (scanning || stopped || firstWaitingPhysical == Long.MAX_VALUE) {
      return;
    }
    scanning = true;
    long firedDueMs = state.firedDueMs();
    long firedOffset = state.firedOffset();
    long[] first = {-1, Long.MAX_VALUE};
    long to = queue.maxOffset();
    Future.fromCompletionStage(
            store.scan(
                queue,
                firstWaiting,
                to,
                (offset, physicalOffset, dueMs) -> {
                  if (!TimerHeap.isBefore(firedDueMs, firedOffset, dueMs, offset)) {
                    return true;
                  }
                  first[0] = offset;
                  first[1] = physicalOffset;
                  return false;
                }))
        .onComplete(
            done -> {
              scanning = false;
              if (stopped) {
                return;
              }
              if (done.failed()) {
                // Asked again at the next round of the house; a look may have waited for this.
                LOG.log(Level.ERROR, "could not look for delayed messages", done.cause());
              } else if (first[0] >= 0) {
                moveOn(first[0], first[1]);
              } else if (queue.maxOffset() == to) {
                moveOn(to, Long.MAX_VALUE);
              }
              turn.request();
            });
  }
}
