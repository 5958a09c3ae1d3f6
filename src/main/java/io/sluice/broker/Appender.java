package io.sluice.broker;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.Names;
import io.sluice.message.QueueSelector;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Stage;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.Replication;
import io.sluice.store.StoreException;
import io.sluice.util.Clock;
import io.sluice.util.Durations;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The storage side: checks messages, chooses their queues, appends, and answers when the ack level
 * is reached.
 *
 * <p>Order: requests are appended in the order they came. While the store prepares room they are
 * parked, up to a number of bytes; beyond it, and when the disk is full, each message is refused. A
 * request that is answered with a failure as a whole stored nothing.
 *
 * <p>Owned by the Broker's event loop.
 */
final class Appender {

  private final BrokerOptions options;
  private final MessageStore store;
  private final Catalog catalog;
  private final StateLog log;
  private final Turn turn;
  private final Clock clock;
  private final LatencyRecorder latency;
  private final ArrivalTimes arrivals;
  private final RepeatedSends repeats;
  private final ConsumeQueue timerQueue;
  private final ConsumeQueue halfQueue;
  private final ArrayDeque<Pending> parked = new ArrayDeque<>();
  private final List<TopicState> arrived = new ArrayList<>();
  private long parkedBytes;
  private boolean waitsForStore;
  private long messagesIn;
  private String lastName;
  private Arming arming = (dueMs, offset) -> {};
  private Transactions transactions;
  private TopicState lastTopic;
  private Replication replication = Replication.NONE;
  private Fence fence = new Fence(Replication.NONE);

  /** A request under way. */
  private static final class Pending {
    private final AppendRequest request;
    private final Answer<AppendReply> answer;
    private final long arrivedNs;
    private final AppendReply reply;
    private final ConsumeQueue[] queues;
    private final long[] queueOffsets;
    private final long[] physicalOffsets;
    private int next;
    private long storedEnd = -1;

    private Pending(
        AppendRequest request,
        Answer<AppendReply> answer,
        long arrivedNs,
        AppendReply reply,
        int count) {
      this.request = request;
      this.answer = answer;
      this.arrivedNs = arrivedNs;
      this.reply = reply;
      queues = new ConsumeQueue[count];
      queueOffsets = new long[count];
      physicalOffsets = new long[count];
    }

    private MessageBatch batch() {
      return request.batch();
    }
  }

  private SluiceException draining;

  Appender(
      BrokerOptions options,
      MessageStore store,
      Catalog catalog,
      StateLog log,
      Turn turn,
      Clock clock,
      LatencyRecorder latency,
      ArrivalTimes arrivals,
      RepeatedSends repeats) {
    this.options = options;
    this.store = store;
    this.catalog = catalog;
    this.log = log;
    this.turn = turn;
    this.clock = clock;
    this.latency = latency;
    this.arrivals = arrivals;
    this.repeats = repeats;
    timerQueue = store.queue(Names.TIMER_TOPIC, 0);
    halfQueue = store.queue(Names.HALF_TOPIC, 0);
  }

  /** Hears of messages that are to be delivered later. */
  interface Arming {

    /**
     * One was stored.
     *
     * @param offset its offset in the timer queue
     */
    void arm(long dueMs, long offset);
  }

  /** Gives what is made after this. */
  void connect(Arming arming, Transactions transactions) {
    this.arming = arming;
    this.transactions = transactions;
  }

  /** What recognises repeated sends. */
  RepeatedSends repeats() {
    return repeats;
  }

  /** Gives what knows of slaves. */
  void connect(Replication replication) {
    this.replication = replication;
    fence = new Fence(replication);
  }

  /** Messages stored since the start. */
  long messagesIn() {
    return messagesIn;
  }

  /** Takes a request; answered once. */
  void append(AppendRequest request, Answer<AppendReply> asked) {
    StoreException fenced = replication.fenced();
    if (fenced != null) {
      asked.fail(Refusals.of(fenced));
      return;
    }
    Answer<AppendReply> answer = fence.guard(asked);
    MessageBatch batch = request.batch();
    int count = batch.count();
    AppendReply reply =
        new AppendReply(options.getBrokerName(), count, clock.nowMs()).inEpoch(replication.epoch());
    Pending pending = new Pending(request, answer, clock.nowNs(), reply, count);
    if (draining != null) {
      answer.fail(draining);
      return;
    }
    StoreException missing = ackOf(request) == AckLevel.REPLICATED ? replication.refusal() : null;
    if (missing != null) {
      answer.fail(Refusals.of(missing));
      return;
    }
    if (parked.isEmpty() && !log.isBlocked()) {
      process(pending);
      return;
    }
    SluiceException lasting = lastingRefusal();
    if (lasting != null) {
      answer.fail(lasting);
    } else if (mayPark(pending)) {
      parked.addLast(pending);
      parkedBytes += batch.size();
      turn.request();
    } else {
      refuseFrom(pending, 0, tooMuchParked());
      finish(pending);
    }
  }

  /** The topics that something arrived for since the last call; the list is the caller's. */
  void takeArrived(List<TopicState> to) {
    to.addAll(arrived);
    for (TopicState topic : arrived) {
      topic.arrived = false;
    }
    arrived.clear();
  }

  /** Goes on with what is parked, if the store takes it. A step of the turn. */
  void resume() {
    SluiceException lasting = parked.isEmpty() ? null : lastingRefusal();
    if (lasting != null) {
      close(lasting);
    }
    while (!parked.isEmpty() && !waitsForStore && !log.isBlocked() && !repeats.isLooking()) {
      Pending pending = parked.poll();
      parkedBytes -= pending.batch().size();
      process(pending);
    }
  }

  /** Why waiting is of no use, or null if the store only prepares room. */
  private SluiceException lastingRefusal() {
    StoreException refusal = store.refusal();
    return refusal == null || refusal.kind() == StoreException.Kind.BUSY
        ? null
        : Refusals.of(refusal);
  }

  /** Takes nothing more; what was taken before is stored and answered. */
  void drain(SluiceException reason) {
    draining = reason;
  }

  /** Fails what is parked, at the end. */
  void close(SluiceException reason) {
    while (!parked.isEmpty()) {
      Pending pending = parked.poll();
      refuseFrom(pending, pending.next, reason);
      finish(pending);
    }
    parkedBytes = 0;
  }

  /** A topic was deleted or changed: look it up anew. */
  void forgetTopics() {
    lastName = null;
    lastTopic = null;
  }

  /** Chooses queues, appends, and answers or parks. */
  private void process(Pending pending) {
    if (!choose(pending)) {
      return;
    }
    // A topic that was just made stands in the log before its first message.
    if (!log.changes().isEmpty() && !log.flush()) {
      park(pending);
      return;
    }
    if (pending.request.atomic() && !isSmallEnough(pending)) {
      return;
    }
    boolean recognises = pending.batch().hasRepeatHashes();
    if (recognises && !repeats.recognise(pending.batch(), pending.next, pending.queues)) {
      parkFirst(pending);
      return;
    }
    boolean done = false;
    try {
      done = pending.request.atomic() ? appendWhole(pending) : appendAll(pending);
    } finally {
      if (recognises) {
        repeats.stored(pending.physicalOffsets, pending.next);
      }
    }
    if (done) {
      finish(pending);
    } else {
      park(pending);
    }
  }

  /**
   * Finds the queue of each message to come; anew if the request was parked and its topic has been
   * deleted meanwhile.
   *
   * @return false if the request was refused as a whole
   */
  private boolean choose(Pending pending) {
    MessageBatch batch = pending.batch();
    int halves = 0;
    for (int i = pending.next; i < batch.count(); i++) {
      if (pending.queues[i] != null && isCurrent(pending.queues[i])) {
        continue;
      }
      try {
        if (batch.isHalf(i)) {
          transactions.checkRoom(halves++);
        }
        pending.queues[i] =
            followsInItsQueue(pending, i) ? pending.queues[i - 1] : chooseQueue(batch, i);
      } catch (SluiceException refused) {
        pending.queues[i] = null;
        if (pending.request.atomic()) {
          pending.answer.fail(
              new SluiceException(
                  refused.code(), "message " + i + " of the batch: " + refused.getMessage()));
          return false;
        }
        pending.reply.refused(i, refused);
      }
    }
    return true;
  }

  private boolean isCurrent(ConsumeQueue queue) {
    TopicState topic = catalog.topic(queue.topic());
    return topic != null && catalog.queue(topic, queue.queueId()) == queue;
  }

  /** Messages of an atomic batch that may go anywhere stay together: neighbours in one queue. */
  private boolean followsInItsQueue(Pending pending, int index) {
    MessageBatch batch = pending.batch();
    if (!pending.request.atomic()
        || index == 0
        || batch.selector(index) != QueueSelector.ANY
        || batch.selector(index - 1) != QueueSelector.ANY
        || batch.dueAtMs(index) != 0
        || batch.dueAtMs(index - 1) != 0
        || batch.isHalf(index)
        || batch.isHalf(index - 1)
        || !batch.topic(index).equals(batch.topic(index - 1))) {
      return false;
    }
    checkSize(batch, index);
    return true;
  }

  private ConsumeQueue chooseQueue(MessageBatch batch, int index) {
    TopicState topic = topicOf(batch.topic(index));
    if ((topic.config.permission() & TopicConfig.WRITE) == 0) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION, "the topic '" + topic.name() + "' is not writable");
    }
    checkSize(batch, index);
    int queues = topic.config.queues();
    long selector = batch.selector(index);
    boolean delayed = batch.dueAtMs(index) != 0;
    if (delayed) {
      checkDelay(batch, index);
    }
    if (batch.isHalf(index)) {
      checkAtomic(batch, index, TransactionEnds.CHANGE_BYTES, "in a transaction");
    }
    int queueId;
    if (QueueSelector.isQueue(selector)) {
      if (selector >= queues) {
        throw new SluiceException(
            ErrorCode.INVALID_ARGUMENT,
            "the queue is "
                + selector
                + "; the topic '"
                + topic.name()
                + "' has the queues 0 to "
                + (queues - 1));
      }
      queueId = (int) selector;
    } else if (delayed) {
      return timerQueue;
    } else if (batch.isHalf(index)) {
      return halfQueue;
    } else if (QueueSelector.isOrderingKey(selector)) {
      queueId = QueueSelector.queueOfKey(selector, queues);
    } else {
      queueId = topic.turn++ % queues;
      if (topic.turn >= queues) {
        topic.turn = 0;
      }
    }
    if (batch.isHalf(index)) {
      return halfQueue;
    }
    return delayed ? timerQueue : catalog.queue(topic, queueId);
  }

  private void checkDelay(MessageBatch batch, int index) {
    long delayMs = batch.dueAtMs(index) - clock.nowMs();
    if (delayMs > options.getMaxDelay().toMillis()) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the delay is "
              // To the second: some of it has passed on the way here.
              + Durations.format((delayMs + 999) / 1_000 * 1_000)
              + "; allowed is up to "
              + Durations.format(options.getMaxDelay().toMillis())
              + " (maxDelay)");
    }
    checkAtomic(batch, index, Timers.CHANGE_BYTES, "delayed");
  }

  /** What is stored again, together with a change, has to leave room for that in a segment. */
  private void checkAtomic(MessageBatch batch, int index, int changeBytes, String how) {
    int mostBytes = store.maxAtomicBytes() - changeBytes;
    if (batch.recordBytes(index) > mostBytes) {
      throw new SluiceException(
          ErrorCode.MESSAGE_TOO_LARGE,
          "the message takes "
              + batch.recordBytes(index)
              + " bytes; "
              + how
              + " it may take "
              + mostBytes);
    }
  }

  private TopicState topicOf(String name) {
    if (name != null && name.equals(lastName)) {
      return lastTopic;
    }
    TopicState topic = catalog.topicForUse(name);
    lastName = name;
    lastTopic = topic;
    return topic;
  }

  private void checkSize(MessageBatch batch, int index) {
    int recordBytes = batch.recordBytes(index);
    int maxBytes = options.getMaxMessageBytes();
    if (recordBytes > maxBytes) {
      int bodyBytes = bodyBytes(batch, index);
      if (bodyBytes > maxBytes) {
        throw new SluiceException(
            ErrorCode.MESSAGE_TOO_LARGE,
            "the body has " + bodyBytes + " bytes; allowed are " + maxBytes);
      }
    }
    if (recordBytes > store.maxRecordBytes()) {
      throw new SluiceException(
          ErrorCode.MESSAGE_TOO_LARGE,
          "the message takes "
              + recordBytes
              + " bytes; a segment of the log has room for "
              + store.maxRecordBytes());
    }
  }

  private static int bodyBytes(MessageBatch batch, int index) {
    ByteBuffer bytes = ByteBuffer.wrap(batch.bytes());
    int start = batch.position(index);
    int sysFlag = bytes.getInt(start + MessageLayout.SYS_FLAG);
    return bytes.getInt(start + MessageLayout.bodyLength(sysFlag));
  }

  /** Whether an atomic request fits into a segment; if not, it is refused. */
  private boolean isSmallEnough(Pending pending) {
    int bytes = pending.batch().size();
    if (bytes <= store.maxAtomicBytes()) {
      return true;
    }
    pending.answer.fail(
        new SluiceException(
            ErrorCode.MESSAGE_TOO_LARGE,
            "the batch takes "
                + bytes
                + " bytes; stored all or none it may take "
                + store.maxAtomicBytes()
                + ", what fits into a segment of the log"));
    return false;
  }

  /**
   * Appends all messages or none.
   *
   * @return false if the store took none
   */
  private boolean appendWhole(Pending pending) {
    MessageBatch batch = pending.batch();
    int count = batch.count();
    if (count == 0) {
      return true;
    }
    int[] kept = new int[count];
    int keptCount = 0;
    boolean recognises = batch.hasRepeatHashes();
    for (int i = 0; i < count; i++) {
      if (!recognises || !repeats.isRepeat(i)) {
        kept[keptCount++] = i;
      }
    }
    boolean stored = true;
    if (keptCount == count) {
      stored =
          store.appendAtomic(
              batch, pending.queues, pending.queueOffsets, pending.physicalOffsets, false);
      if (stored) {
        noteAppended(pending, 0, count);
        noteStored(pending, pending.physicalOffsets[0], count);
      }
    } else if (keptCount > 0) {
      stored = appendSome(pending, kept, keptCount);
    }
    if (!stored) {
      return false;
    }
    for (int i = 0; i < count && recognises; i++) {
      if (repeats.isRepeat(i)) {
        answerRepeat(pending, i);
      }
    }
    pending.next = count;
    return true;
  }

  /** Appends those messages of an atomic request that are not stored already, all or none. */
  private boolean appendSome(Pending pending, int[] kept, int count) {
    MessageBatch some = pending.batch().only(kept, count);
    ConsumeQueue[] queues = new ConsumeQueue[count];
    long[] queueOffsets = new long[count];
    long[] physicalOffsets = new long[count];
    for (int i = 0; i < count; i++) {
      queues[i] = pending.queues[kept[i]];
    }
    if (!store.appendAtomic(some, queues, queueOffsets, physicalOffsets, false)) {
      return false;
    }
    for (int i = 0; i < count; i++) {
      pending.queueOffsets[kept[i]] = queueOffsets[i];
      pending.physicalOffsets[kept[i]] = physicalOffsets[i];
      noteAppended(pending, kept[i], some.storedAtMs(i));
    }
    pending.storedEnd = physicalOffsets[count - 1] + some.recordBytes(count - 1);
    noteStored(pending, physicalOffsets[0], count);
    return true;
  }

  /**
   * Appends from where the request stands.
   *
   * @return false if the store took no more
   */
  private boolean appendAll(Pending pending) {
    int count = pending.batch().count();
    boolean recognises = pending.batch().hasRepeatHashes();
    long firstPhysical = -1;
    int stored = 0;
    while (pending.next < count) {
      int from = pending.next;
      if (pending.queues[from] == null) {
        pending.next++;
        continue;
      }
      if (recognises && repeats.isRepeat(from)) {
        answerRepeat(pending, from);
        pending.next++;
        continue;
      }
      int to = from + 1;
      while (to < count && pending.queues[to] != null && !(recognises && repeats.isRepeat(to))) {
        to++;
      }
      int end = appendRun(pending, from, to);
      if (end > from && firstPhysical < 0) {
        firstPhysical = pending.physicalOffsets[from];
      }
      stored += end - from;
      pending.next = end;
      if (end < to) {
        noteStored(pending, firstPhysical, stored);
        return false;
      }
    }
    noteStored(pending, firstPhysical, stored);
    return true;
  }

  private int appendRun(Pending pending, int from, int to) {
    int end =
        store.append(
            pending.batch(),
            from,
            to,
            pending.queues,
            pending.queueOffsets,
            pending.physicalOffsets,
            false);
    noteAppended(pending, from, end);
    return end;
  }

  /** It is as durable as its first one, which the answer says and the ack level waits for. */
  private void answerRepeat(Pending pending, int index) {
    long end = repeats.answer(index, pending.reply, pending.physicalOffsets);
    pending.storedEnd = Math.max(pending.storedEnd, end);
  }

  private void noteAppended(Pending pending, int from, int end) {
    for (int i = from; i < end; i++) {
      noteAppended(pending, i, 0L);
    }
    if (end > from) {
      int last = end - 1;
      pending.storedEnd = pending.physicalOffsets[last] + pending.batch().recordBytes(last);
    }
  }

  /**
   * Notes what became of a message.
   *
   * @param storedAtMs when it was stored, or 0 if the request's batch knows
   */
  private void noteAppended(Pending pending, int index, long storedAtMs) {
    if (pending.batch().isHalf(index)) {
      long queueOffset = pending.queueOffsets[index];
      long physicalOffset = pending.physicalOffsets[index];
      pending.reply.half(index, queueOffset, physicalOffset);
      long atMs = storedAtMs == 0 ? pending.batch().storedAtMs(index) : storedAtMs;
      transactions.began(pending.batch(), index, queueOffset, physicalOffset, atMs);
      return;
    }
    long dueAtMs = pending.batch().dueAtMs(index);
    if (dueAtMs == 0) {
      pending.reply.stored(
          index,
          pending.queues[index].queueId(),
          pending.queueOffsets[index],
          pending.physicalOffsets[index]);
      noteArrival(pending.batch().topic(index));
      return;
    }
    pending.reply.delayed(index, dueAtMs, pending.physicalOffsets[index]);
    long storedMs = storedAtMs == 0 ? pending.batch().storedAtMs(index) : storedAtMs;
    arming.arm(Math.max(dueAtMs, storedMs), pending.queueOffsets[index]);
  }

  private void noteArrival(String name) {
    TopicState topic = topicOf(name);
    topic.messagesIn++;
    if (!topic.arrived) {
      topic.arrived = true;
      arrived.add(topic);
    }
  }

  private void noteStored(Pending pending, long firstPhysical, int stored) {
    if (stored == 0) {
      return;
    }
    messagesIn += stored;
    long nowNs = clock.nowNs();
    arrivals.add(firstPhysical, pending.request.receivedNs(), nowNs);
    latency.record(Stage.APPEND, nowNs - pending.arrivedNs, stored);
    turn.request();
  }

  private boolean mayPark(Pending pending) {
    return parked.isEmpty() || parkedBytes + pending.batch().size() <= options.getMaxParkedBytes();
  }

  private SluiceException tooMuchParked() {
    return new SluiceException(
        ErrorCode.BUSY,
        "the store prepares room and "
            + parkedBytes
            + " bytes of sends wait already; allowed are "
            + options.getMaxParkedBytes());
  }

  /**
   * Parks the request that is being processed, ahead of all that came after it; or refuses the rest
   * of it if waiting is of no use.
   */
  private void park(Pending pending) {
    SluiceException lasting = lastingRefusal();
    if (lasting != null) {
      refuseFrom(pending, pending.next, lasting);
      finish(pending);
      return;
    }
    parkFirst(pending);
    waitForStore();
  }

  private void parkFirst(Pending pending) {
    parked.addFirst(pending);
    parkedBytes += pending.batch().size();
  }

  private void waitForStore() {
    if (waitsForStore) {
      return;
    }
    if (log.isBlocked()) {
      // The state goes first; the end of its turn comes back to what is parked.
      return;
    }
    waitsForStore = true;
    store.whenWritable(
        () -> {
          waitsForStore = false;
          turn.request();
        });
  }

  private static void refuseFrom(Pending pending, int from, SluiceException reason) {
    for (int i = from; i < pending.batch().count(); i++) {
      if (pending.queues[i] != null || pending.next == 0) {
        pending.reply.refused(i, reason);
      }
    }
    pending.next = pending.batch().count();
  }

  /** Answers at the ack level, or at once if nothing was stored. */
  private void finish(Pending pending) {
    if (pending.request.atomic() && pending.storedEnd < 0 && pending.reply.count() > 0) {
      SluiceException reason = pending.reply.error(0);
      if (reason != null) {
        pending.answer.fail(reason);
        return;
      }
    }
    AckLevel ack = ackOf(pending.request);
    if (pending.storedEnd < 0 || ack == AckLevel.MEMORY) {
      pending.answer.succeed(pending.reply);
      return;
    }
    Consumer<StoreException> done =
        failure -> {
          if (failure == null) {
            pending.answer.succeed(pending.reply);
          } else {
            pending.answer.fail(Refusals.of(failure));
          }
        };
    if (ack == AckLevel.REPLICATED) {
      replication.whenReplicated(pending.storedEnd, done);
    } else {
      store.whenForced(pending.storedEnd, done);
    }
  }

  private AckLevel ackOf(AppendRequest request) {
    return request.ack() == null ? options.getDefaultAck() : request.ack();
  }
}
