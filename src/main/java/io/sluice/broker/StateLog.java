package io.sluice.broker;

import io.sluice.bus.AckLevel;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.QueueSelector;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.Replication;
import io.sluice.store.StoreException;
import io.sluice.util.Clock;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Writes the state changes of a turn into the log, as one record of {@link Names#STATE_TOPIC}, and
 * lets the answers that rest on them leave only then.
 *
 * <p>Durability: an answer given to {@link #whenWritten} leaves when the changes survive the death
 * of the process, one given to {@link #whenForced} when they survive the death of the machine.
 * While the store is busy the changes wait here and {@link #isBlocked} says so: nothing may be
 * handed out or settled meanwhile. After a failure of the store every answer is that failure.
 *
 * <p>Owned by the Broker's event loop.
 */
final class StateLog {

  private static final byte[] NO_HOST = new byte[8];

  private final MessageStore store;
  private final Clock clock;
  private final ChangeBuffer changes;
  private final Turn turn;
  private final ConsumeQueue queue;
  private final PropertiesWriter noProperties = new PropertiesWriter();
  private List<Answer<Void>> whenWritten = new ArrayList<>();
  private List<Answer<Void>> whenForced = new ArrayList<>();
  private MessageBatch blocked;
  private int blockedFrom;
  private ConsumeQueue[] blockedTargets;
  private Runnable blockedStored;
  private boolean waitsForStore;
  private boolean stood;
  private long recordedBytes;
  private Replication replication;

  StateLog(MessageStore store, Clock clock, ChangeBuffer changes, Turn turn) {
    this.store = store;
    this.clock = clock;
    this.changes = changes;
    this.turn = turn;
    queue = store.queue(Names.STATE_TOPIC, 0);
  }

  /** From now on {@link #whenForced} means forced here and confirmed by the slaves in sync. */
  void replicate(Replication replication) {
    this.replication = replication;
  }

  /** The queue the records are in. */
  ConsumeQueue queue() {
    return queue;
  }

  ChangeBuffer changes() {
    return changes;
  }

  /** Bytes of state recorded since the start. */
  long recordedBytes() {
    return recordedBytes;
  }

  /** Sees to it that what has changed is written at the end of the turn. */
  void request() {
    turn.request();
  }

  /** Whether changes wait for the store. */
  boolean isBlocked() {
    return blocked != null;
  }

  /** Why changes can not be recorded and will not be soon, or null. */
  SluiceException lastingRefusal() {
    StoreException refusal = blocked == null ? null : store.refusal();
    return refusal == null || refusal.kind() == StoreException.Kind.BUSY
        ? null
        : Refusals.of(refusal);
  }

  /**
   * Refuses what would change the state while that can not be recorded.
   *
   * @throws SluiceException BUSY, DISK_FULL or STORE_FAILED while changes wait for the store
   */
  void checkWritable() {
    SluiceException lasting = lastingRefusal();
    if (lasting != null) {
      throw lasting;
    }
    if (blocked != null) {
      throw new SluiceException(
          ErrorCode.BUSY, "the store prepares room; nothing can be changed in the meantime");
    }
  }

  /** Answers when the changes so far are in the log. Failing is left to {@link Answer#fail}. */
  void whenWritten(Answer<Void> answer) {
    whenWritten.add(answer);
    turn.request();
  }

  /** Answers when the changes so far are as durable as an ack level says. */
  void whenRecorded(AckLevel ack, Answer<Void> answer) {
    if (ack == AckLevel.MEMORY) {
      whenWritten(answer);
    } else {
      whenForced(answer);
    }
  }

  /** Answers when the changes so far are forced to the disk. */
  void whenForced(Answer<Void> answer) {
    whenForced.add(answer);
    turn.request();
  }

  /**
   * Writes what there is and lets the answers leave.
   *
   * @return whether all of it is in the log
   */
  boolean flush() {
    if (blocked == null && !changes.isEmpty()) {
      blocked = encode(changes.drain());
      blockedFrom = 0;
    }
    if (blocked != null && !append()) {
      stood = true;
      return false;
    }
    answerAll();
    if (stood) {
      // What did not go on while the state waited stands before this step of the turn.
      stood = false;
      turn.request();
    }
    return true;
  }

  /** As {@link #flush}, but also positions that only moved over unwanted messages. */
  boolean flushAll() {
    if (blocked == null && (changes.hasAdvanced() || !changes.isEmpty())) {
      blocked = encode(changes.drain());
      blockedFrom = 0;
    }
    return flush();
  }

  /**
   * Writes positions that moved on without a record, before somebody is told where they are: what
   * is appended later, and acked, must not outlive what was told.
   */
  void recordAdvances() {
    if (changes.hasAdvanced()) {
      flushAll();
    }
  }

  /**
   * Writes messages, and the changes that rest on them, as one: after a crash the log has both or
   * none. While the store is busy both wait and {@link #isBlocked} says so, so make sure before
   * that there is room.
   *
   * @param messages become part of what is written
   * @param targets for each message its queue
   * @param stored called once they are in the log
   * @return whether they are
   */
  boolean flushWith(MessageBatch messages, ConsumeQueue[] targets, Runnable stored) {
    if (blocked != null) {
      throw new IllegalStateException("changes wait for the store already");
    }
    int count = messages.count();
    add(messages, changes.drain());
    blocked = messages;
    blockedTargets = Arrays.copyOf(targets, messages.count());
    Arrays.fill(blockedTargets, count, messages.count(), queue);
    blockedStored = stored;
    return flush();
  }

  /** Fails what still waits, at the end. */
  void close(SluiceException reason) {
    failAll(reason);
  }

  private MessageBatch encode(List<ByteWriter> records) {
    MessageBatch batch = new MessageBatch();
    add(batch, records);
    return batch;
  }

  private void add(MessageBatch batch, List<ByteWriter> records) {
    for (ByteWriter record : records) {
      recordedBytes += record.size();
      batch.add(
          Names.STATE_TOPIC,
          QueueSelector.queue(0),
          0,
          0,
          clock.nowMs(),
          NO_HOST,
          0,
          0,
          ByteBuffer.wrap(record.bytes(), 0, record.size()),
          noProperties);
    }
  }

  private boolean append() {
    return blockedTargets == null ? appendChanges() : appendTogether();
  }

  private boolean appendTogether() {
    int count = blocked.count();
    if (!store.appendAtomic(blocked, blockedTargets, new long[count], new long[count], true)) {
      waitOrFail();
      return false;
    }
    blocked = null;
    blockedTargets = null;
    Runnable stored = blockedStored;
    blockedStored = null;
    stored.run();
    return true;
  }

  private boolean appendChanges() {
    int count = blocked.count();
    ConsumeQueue[] queues = new ConsumeQueue[count];
    Arrays.fill(queues, queue);
    long[] queueOffsets = new long[count];
    long[] physicalOffsets = new long[count];
    blockedFrom =
        store.append(blocked, blockedFrom, count, queues, queueOffsets, physicalOffsets, true);
    if (blockedFrom == count) {
      blocked = null;
      return true;
    }
    waitOrFail();
    return false;
  }

  private void waitOrFail() {
    StoreException refusal = store.refusal();
    if (refusal == null || Refusals.isPassing(refusal)) {
      waitForStore();
    } else {
      failAll(Refusals.of(refusal));
    }
  }

  private void waitForStore() {
    if (!waitsForStore) {
      waitsForStore = true;
      store.whenWritable(
          () -> {
            waitsForStore = false;
            turn.request();
          });
    }
  }

  private void answerAll() {
    if (!whenWritten.isEmpty()) {
      List<Answer<Void>> answers = whenWritten;
      whenWritten = new ArrayList<>();
      for (Answer<Void> answer : answers) {
        answer.succeed(null);
      }
    }
    if (!whenForced.isEmpty()) {
      List<Answer<Void>> answers = whenForced;
      whenForced = new ArrayList<>();
      if (replication == null) {
        store.whenForced(store.maxPhysicalOffset(), failure -> answerForced(answers, failure));
      } else {
        replication.whenReplicated(
            store.maxPhysicalOffset(), failure -> answerForced(answers, failure));
      }
    }
  }

  private static void answerForced(List<Answer<Void>> answers, StoreException failure) {
    SluiceException reason = failure == null ? null : Refusals.of(failure);
    for (Answer<Void> answer : answers) {
      if (reason == null) {
        answer.succeed(null);
      } else {
        answer.fail(reason);
      }
    }
  }

  private void failAll(SluiceException reason) {
    List<Answer<Void>> answers = new ArrayList<>(whenWritten);
    answers.addAll(whenForced);
    whenWritten = new ArrayList<>();
    whenForced = new ArrayList<>();
    for (Answer<Void> answer : answers) {
      answer.fail(reason);
    }
  }
}
