package io.sluice.broker;

import io.sluice.broker.StateChange.Advanced;
import io.sluice.broker.StateChange.Extended;
import io.sluice.broker.StateChange.Leased;
import io.sluice.broker.StateChange.Positioned;
import io.sluice.broker.StateChange.Returned;
import io.sluice.bus.PopRequest;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.message.Names;
import java.util.function.Consumer;

/**
 * A group's place in one queue: the consumption core. Pull with leases, ordered consumption and
 * sockets all stand on it.
 *
 * <p>Everything below {@code nextOffset} that is not in {@code unsettled} is settled. A message is
 * handed out with a lease; the lease ends by settlement or by its deadline alone, without a record.
 * Then the message waits for the group's retry delay and is handed out again, until it has had its
 * last attempt and goes to the dead letters.
 *
 * <p>An ordered lease takes a queue only when nothing of it is in flight. When one of its messages
 * fails, those behind it are taken back, their attempt not counted, and all come again in order.
 *
 * <p>No clock, no I/O, no Vert.x: the time is passed in, what happens goes to a {@link ChangeSink}.
 * The {@code apply} methods replay what was recorded. Owned by the Broker's event loop.
 */
final class QueueCursor {

  /** Entries asked for at once when the filter passes over many. */
  private static final int READABLE_STEP = 512;

  /** Why a message is dead that nobody took in time. */
  static final String EXPIRED = "expired";

  final Consumption consumption;
  final int queueId;

  private final BrokerState state;
  private final Unsettled unsettled = new Unsettled();
  private long nextOffset;

  /** Owned by {@link DueQueue}. */
  long wakeAtMs;

  /** Owned by {@link DueQueue}. */
  int wakePlace = -1;

  /** Settled neighbours not recorded yet; owned by {@link ChangeBuffer}. */
  long runFirst;

  /** How many; owned by {@link ChangeBuffer}. */
  int runCount;

  /** Whether the position is ahead of its record; owned by {@link ChangeBuffer}. */
  boolean unrecordedAdvance;

  /** Made readable by a worker; owned by the {@link Dispatcher}. */
  WarmRange warm = WarmRange.NONE;

  /** When it was; owned by the {@link Dispatcher}. */
  long warmAtMs = Long.MIN_VALUE / 2;

  /** The filter it was made readable for; owned by the {@link Dispatcher}. */
  MessageFilter warmFilter;

  /** Whether a worker is at it; owned by the {@link Dispatcher}. */
  boolean warming;

  /**
   * Everything before it went to other consumers of the group, who may be at work on it; owned by
   * the {@link RetryHandover}. Not recorded: it only holds off a client from before.
   */
  long handedOverBefore;

  private long rangeFirst;
  private int rangeCount;
  private long rangeLease;
  private int rangeAttempt;

  QueueCursor(Consumption consumption, int queueId) {
    this.consumption = consumption;
    this.queueId = queueId;
    state = consumption.state();
  }

  /** Whether its queue is that of what was redriven for the group. */
  boolean isOfRedriven() {
    return queueId == Names.REDRIVE_QUEUE_ID;
  }

  /** Next offset to be handed out for the first time. */
  long nextOffset() {
    return nextOffset;
  }

  /** Everything before it is settled. */
  long committedOffset() {
    int first = unsettled.first();
    return first < 0 ? nextOffset : unsettled.offset(first);
  }

  /** What is not settled, for reading only. */
  Unsettled unsettled() {
    return unsettled;
  }

  /**
   * Whether something that was handed out waits for its next time, and what is behind it may go on
   * without it: nothing here was handed out in order.
   */
  boolean holdsSharedRetries() {
    boolean found = false;
    for (int at = unsettled.first(); at >= 0; at = unsettled.next(at)) {
      if (unsettled.has(at, Unsettled.ORDERED)) {
        return false;
      }
      found |= unsettled.state(at) != Unsettled.LEASED;
    }
    return found;
  }

  /** Whether a shared receive could get something at the last known time. */
  boolean mayDeliver(long maxOffset) {
    return unsettled.readyCount() > 0 || nextOffset < maxOffset;
  }

  /** Whether what was handed out before may be handed out again at the last known time. */
  boolean hasReady() {
    return unsettled.readyCount() > 0;
  }

  /**
   * Looks for a new message that may be wanted, and changes nothing. One that is not in memory may
   * be, and so may what lies behind as many as are looked at in one go.
   *
   * @param from those before it are known not to be wanted
   * @return its offset, or the queue's end
   */
  long firstWanted(QueueView view, long from) {
    long offset = Math.max(Math.max(from, nextOffset), view.minOffset());
    long end = Math.min(view.maxOffset(), offset + view.scanLimit());
    int readable = 0;
    while (offset < end) {
      if (readable == 0) {
        readable = view.readable(offset, (int) Math.min(READABLE_STEP, end - offset));
      }
      if (readable == 0 || view.wants(offset)) {
        return offset;
      }
      offset++;
      readable--;
    }
    return offset;
  }

  /**
   * Leases messages into the batch: those whose retry is due first, then new ones. Messages the
   * filter does not want are settled on the way.
   *
   * @return whether the scan stopped at its limit, so that there may be more to find
   */
  boolean lease(LeaseBatch batch, QueueView view, ChangeSink sink) {
    expire(batch.nowMs(), sink);
    boolean more = false;
    if (mayLease(batch)) {
      boolean taken =
          batch.ordered() ? leaseHeldBack(batch, view, sink) : leaseReady(batch, view, sink);
      if (taken) {
        more = leaseNew(batch, view, sink);
      }
    }
    state.due.lower(this, unsettled.earliestDueMs());
    return more;
  }

  private boolean mayLease(LeaseBatch batch) {
    return batch.ordered()
        ? unsettled.leasedCount() == 0 && unsettled.dyingCount() == 0
        : unsettled.orderedLeasedCount() == 0;
  }

  /** Retries of shared consumption. Always goes on to new messages. */
  private boolean leaseReady(LeaseBatch batch, QueueView view, ChangeSink sink) {
    while (!batch.isFull()) {
      int index = unsettled.firstReady();
      if (index < 0 || !leaseAgain(index, batch, view, sink)) {
        break;
      }
    }
    flushRange(batch, sink);
    return true;
  }

  /**
   * What was handed out before and not settled, from the lowest offset on.
   *
   * @return whether all of it is in the batch, so that new messages may follow
   */
  private boolean leaseHeldBack(LeaseBatch batch, QueueView view, ChangeSink sink) {
    int index = unsettled.first();
    while (index >= 0) {
      if (batch.isFull()
          || unsettled.state(index) != Unsettled.READY
          || !leaseAgain(index, batch, view, sink)) {
        flushRange(batch, sink);
        return false;
      }
      index = unsettled.next(index);
    }
    flushRange(batch, sink);
    return true;
  }

  /** Leases or drops one entry; false if it does not fit or cannot be read now. */
  private boolean leaseAgain(int index, LeaseBatch batch, QueueView view, ChangeSink sink) {
    long offset = unsettled.offset(index);
    if (offset < view.minOffset()) {
      // Retention was faster.
      settle(index, sink);
      return true;
    }
    if (view.readable(offset, 1) == 0) {
      return false;
    }
    if (!view.wants(offset)) {
      settle(index, sink);
      return true;
    }
    if (view.isExpired(offset)) {
      passExpiredAgain(index, batch, view, sink);
      return true;
    }
    int recordBytes = view.recordBytes(offset);
    if (!batch.fits(recordBytes)) {
      return false;
    }
    long lease = state.takeLease();
    int attempt = unsettled.attempt(index) + 1;
    unsettled.lease(index, lease, attempt, batch.deadlineMs(), batch.holder(), leaseFlags(batch));
    state.holders.leased(batch.holder());
    note(offset, lease, attempt, batch, sink);
    batch.add(offset, recordBytes, lease, attempt);
    return true;
  }

  private boolean leaseNew(LeaseBatch batch, QueueView view, ChangeSink sink) {
    long start = nextOffset;
    if (nextOffset < view.minOffset()) {
      nextOffset = view.minOffset();
    }
    long maxOffset = view.maxOffset();
    int scanLimit = view.scanLimit();
    int scanned = 0;
    int readable = 0;
    while (!batch.isFull()
        && nextOffset < maxOffset
        && scanned < scanLimit
        && unsettled.count() < batch.unsettledLimit()) {
      if (readable == 0) {
        int step = scanned == 0 ? Math.min(batch.room(), READABLE_STEP) : READABLE_STEP;
        int wanted = (int) Math.min(step, maxOffset - nextOffset);
        readable = view.readable(nextOffset, wanted);
        if (readable == 0) {
          break;
        }
      }
      long offset = nextOffset;
      if (view.wants(offset)) {
        if (view.isExpired(offset)) {
          passExpired(offset, batch, view, sink);
        } else {
          int recordBytes = view.recordBytes(offset);
          if (!batch.fits(recordBytes)) {
            break;
          }
          leaseNext(offset, recordBytes, 1 + view.earlierAttempts(offset), batch, sink);
        }
      }
      nextOffset++;
      readable--;
      scanned++;
    }
    boolean covered = rangeCount > 0 && rangeFirst + rangeCount == nextOffset;
    flushRange(batch, sink);
    if (nextOffset > start && !covered) {
      sink.advanced(this);
    }
    return scanned == scanLimit;
  }

  private void leaseNext(
      long offset, int recordBytes, int attempt, LeaseBatch batch, ChangeSink sink) {
    long lease = state.takeLease();
    unsettled.append(offset, lease, attempt, batch.deadlineMs(), batch.holder(), leaseFlags(batch));
    state.holders.leased(batch.holder());
    note(offset, lease, attempt, batch, sink);
    batch.add(offset, recordBytes, lease, attempt);
  }

  /**
   * A message that nobody got before has waited too long. If it goes to the dead letters, it is
   * leased first and that is recorded with the others: after a crash before the burial it comes
   * here again.
   */
  private void passExpired(long offset, LeaseBatch batch, QueueView view, ChangeSink sink) {
    if (view.buriesExpired()) {
      long lease = state.takeLease();
      unsettled.append(offset, lease, 1, batch.deadlineMs(), batch.holder(), leaseFlags(batch));
      state.holders.leased(batch.holder());
      note(offset, lease, 1, batch, sink);
      bury(unsettled.find(offset), EXPIRED, sink);
    }
  }

  /** As the other, for a message that was handed out before. */
  private void passExpiredAgain(int index, LeaseBatch batch, QueueView view, ChangeSink sink) {
    if (!view.buriesExpired()) {
      settle(index, sink);
      return;
    }
    long lease = state.takeLease();
    int attempt = Math.max(1, unsettled.attempt(index));
    unsettled.lease(index, lease, attempt, batch.deadlineMs(), batch.holder(), leaseFlags(batch));
    state.holders.leased(batch.holder());
    note(unsettled.offset(index), lease, attempt, batch, sink);
    bury(index, EXPIRED, sink);
  }

  /** Collects what was leased into ranges. */
  private void note(long offset, long lease, int attempt, LeaseBatch batch, ChangeSink sink) {
    if (rangeCount > 0
        && offset == rangeFirst + rangeCount
        && attempt == rangeAttempt
        && lease == rangeLease + rangeCount) {
      rangeCount++;
      return;
    }
    flushRange(batch, sink);
    rangeFirst = offset;
    rangeLease = lease;
    rangeAttempt = attempt;
    rangeCount = 1;
  }

  private void flushRange(LeaseBatch batch, ChangeSink sink) {
    if (rangeCount == 0) {
      return;
    }
    sink.change(
        this,
        new Leased(
            consumption.id,
            queueId,
            rangeFirst,
            rangeCount,
            rangeLease,
            rangeAttempt,
            batch.deadlineMs(),
            batch.ordered(),
            batch.holder() != Holders.NONE,
            batch.popped()));
    rangeCount = 0;
  }

  /**
   * Settles one delivery.
   *
   * @param durationMs for NACK the delay, or {@link SettleRequest#DELAY_OF_GROUP}; for EXTEND how
   *     long from now
   * @param reason why it is dead, or null
   */
  Outcome settle(
      SettleRequest.Kind kind,
      long offset,
      long lease,
      long durationMs,
      String reason,
      long nowMs,
      ChangeSink sink) {
    if (!state.wasGiven(lease)) {
      return Outcome.UNKNOWN;
    }
    expire(nowMs, sink);
    int index = unsettled.find(offset);
    if (index < 0) {
      return settledBefore(kind, offset);
    }
    if (unsettled.lease(index) != lease) {
      return Outcome.EXPIRED;
    }
    Outcome outcome;
    if (unsettled.state(index) == Unsettled.LEASED) {
      switch (kind) {
        case ACK -> settle(index, sink);
        case NACK -> nack(index, durationMs, reason, nowMs, sink);
        case EXTEND -> extend(index, nowMs + Math.max(1, durationMs), sink);
        case DEAD -> die(index, reason, nowMs, sink);
        default -> throw new IllegalStateException("no settlement of kind " + kind);
      }
      outcome = Outcome.OK;
    } else {
      outcome = repeated(kind, index);
    }
    state.due.lower(this, unsettled.earliestDueMs());
    return outcome;
  }

  /** The offset is settled: saying so again is fine, wanting it back is too late. */
  private Outcome settledBefore(SettleRequest.Kind kind, long offset) {
    boolean finished = kind == SettleRequest.Kind.ACK || kind == SettleRequest.Kind.DEAD;
    return finished && offset < nextOffset ? Outcome.OK : Outcome.EXPIRED;
  }

  /** The lease is over. If this very receipt ended it the same way, that is no mistake. */
  private Outcome repeated(SettleRequest.Kind kind, int index) {
    boolean same =
        switch (kind) {
          case NACK -> unsettled.has(index, Unsettled.NACKED);
          case DEAD -> unsettled.state(index) == Unsettled.DYING;
          case ACK, EXTEND -> false;
        };
    return same ? Outcome.OK : Outcome.EXPIRED;
  }

  private void settle(int index, ChangeSink sink) {
    long offset = unsettled.offset(index);
    remove(index);
    sink.settled(this, offset);
  }

  private void nack(int index, long delayMs, String reason, long nowMs, ChangeSink sink) {
    boolean ofGroup = delayMs == SettleRequest.DELAY_OF_GROUP;
    long retryAtMs = nowMs + (ofGroup ? retryDelayMs(index) : Math.max(0, delayMs));
    endLease(index, retryAtMs, true, reason, sink, true);
  }

  private void extend(int index, long deadlineMs, ChangeSink sink) {
    unsettled.extend(index, deadlineMs);
    sink.change(this, new Extended(consumption.id, queueId, unsettled.offset(index), deadlineMs));
  }

  private void die(int index, String reason, long nowMs, ChangeSink sink) {
    boolean ordered = unsettled.has(index, Unsettled.ORDERED);
    bury(index, reason, sink);
    if (ordered) {
      takeBackBehind(index, nowMs, sink);
    }
  }

  private void bury(int index, String reason, ChangeSink sink) {
    state.holders.ended(unsettled.holder(index));
    unsettled.makeDying(index);
    sink.dead(this, unsettled.offset(index), reason);
  }

  /**
   * The copy of a dying message is in the dead letters, or the message is gone: it is settled.
   *
   * @return whether it was still dying
   */
  boolean buried(long offset, ChangeSink sink) {
    int index = unsettled.find(offset);
    if (index < 0 || unsettled.state(index) != Unsettled.DYING) {
      return false;
    }
    settle(index, sink);
    return true;
  }

  /** How often an offset was handed out that is on its way to the dead letters; 0 if it is not. */
  int dyingAttempts(long offset) {
    int index = unsettled.find(offset);
    return index >= 0 && unsettled.state(index) == Unsettled.DYING ? unsettled.attempt(index) : 0;
  }

  /** Settles what was leased just now but turned out not to be wanted, or went elsewhere. */
  void unwanted(long offset, ChangeSink sink) {
    int index = unsettled.find(offset);
    if (index >= 0) {
      settle(index, sink);
    }
  }

  /** Gives back all leases of a holder that is gone: due at once, the attempt counted. */
  void release(int holder, long nowMs, ChangeSink sink) {
    expire(nowMs, sink);
    for (int index = unsettled.first(); index >= 0; index = unsettled.next(index)) {
      if (unsettled.state(index) == Unsettled.LEASED && unsettled.holder(index) == holder) {
        endLease(index, nowMs, false, "the consumer's connection was lost", sink, true);
      }
    }
    state.due.lower(this, unsettled.earliestDueMs());
  }

  /** Ends the leases whose time is over and makes ready what is due. */
  void expire(long nowMs, ChangeSink sink) {
    while (unsettled.earliestDueMs() <= nowMs) {
      int index = unsettled.earliest();
      if (unsettled.state(index) == Unsettled.WAITING) {
        unsettled.makeReady(index);
      } else {
        boolean popped = unsettled.has(index, Unsettled.POPPED);
        long retryAtMs = unsettled.dueMs(index) + (popped ? 0 : retryDelayMs(index));
        endLease(index, retryAtMs, false, "not settled in its invisible time", sink, false);
      }
    }
  }

  /** Sets the position; all leases end. */
  void position(long offset, ChangeSink sink) {
    handedOverBefore = 0;
    applyPosition(offset);
    sink.change(this, new Positioned(consumption.id, queueId, offset));
  }

  /**
   * Settles everything before this offset, leased or not; what is behind it stays as it is. For a
   * client that commits while others have leases.
   */
  void settleBefore(long offset, ChangeSink sink) {
    int index = unsettled.first();
    while (index >= 0 && unsettled.offset(index) < offset) {
      int next = unsettled.next(index);
      if (unsettled.state(index) != Unsettled.DYING) {
        settle(index, sink);
      }
      index = next;
    }
    if (nextOffset < offset) {
      nextOffset = offset;
      sink.change(this, new Advanced(consumption.id, queueId, nextOffset));
    }
  }

  /** Passes over new messages up to this offset: they are handed out elsewhere. */
  void passOverNew(long offset, ChangeSink sink) {
    nextOffset = offset;
    sink.change(this, new Advanced(consumption.id, queueId, nextOffset));
  }

  /**
   * The lease of a message that was popped, by what its receipt says of it.
   *
   * @return the lease's number if it is in force, else 0
   */
  long poppedLease(long offset, int mark, long deadlineMs) {
    int index = unsettled.find(offset);
    boolean found =
        index >= 0
            && unsettled.state(index) == Unsettled.LEASED
            && unsettled.dueMs(index) == deadlineMs
            && PopRequest.matches(mark, unsettled.lease(index));
    return found ? unsettled.lease(index) : 0;
  }

  /** Lets go of everything, when the group or the topic is deleted. */
  void forget() {
    applyPosition(nextOffset);
    state.due.remove(this);
  }

  /** Gives memory back after a rush. */
  void trim() {
    unsettled.trim();
  }

  void applyPosition(long offset) {
    for (int index = unsettled.first(); index >= 0; index = unsettled.next(index)) {
      if (unsettled.state(index) == Unsettled.LEASED) {
        state.holders.ended(unsettled.holder(index));
      }
    }
    unsettled.clear();
    nextOffset = offset;
  }

  void applyAdvance(long offset) {
    nextOffset = Math.max(nextOffset, offset);
  }

  void applyLease(Leased leased) {
    int holder = leased.held() ? Holders.LOST : Holders.NONE;
    for (int i = 0; i < leased.count(); i++) {
      long offset = leased.firstOffset() + i;
      int index = unsettled.find(offset);
      if (index < 0 && offset < nextOffset) {
        continue;
      }
      if (index < 0) {
        unsettled.append(
            offset,
            leased.firstLease() + i,
            leased.attempt(),
            leased.deadlineMs(),
            holder,
            leaseFlags(leased.ordered(), leased.popped()));
        nextOffset = offset + 1;
      } else {
        endCount(index);
        unsettled.lease(
            index,
            leased.firstLease() + i,
            leased.attempt(),
            leased.deadlineMs(),
            holder,
            leaseFlags(leased.ordered(), leased.popped()));
      }
      state.holders.leased(holder);
    }
    state.due.lower(this, unsettled.earliestDueMs());
  }

  void applySettle(long firstOffset, int count) {
    for (int i = 0; i < count; i++) {
      int index = unsettled.find(firstOffset + i);
      if (index >= 0) {
        remove(index);
      }
    }
  }

  void applyReturn(Returned returned) {
    for (int i = 0; i < returned.count(); i++) {
      int index = unsettled.find(returned.firstOffset() + i);
      if (index >= 0) {
        endCount(index);
        unsettled.waitUntil(index, returned.retryAtMs(), returned.attempt(), returned.nacked());
      }
    }
    state.due.lower(this, unsettled.earliestDueMs());
  }

  void applyExtend(long offset, long deadlineMs) {
    int index = unsettled.find(offset);
    if (index >= 0 && unsettled.state(index) == Unsettled.LEASED) {
      unsettled.extend(index, deadlineMs);
      state.due.lower(this, unsettled.earliestDueMs());
    }
  }

  /** Hands over the changes that rebuild this cursor from nothing. */
  void snapshot(Consumer<StateChange> out) {
    int index = unsettled.first();
    while (index >= 0) {
      index = snapshotRun(index, out);
    }
    // An advance never goes below 0, where a group of clients has no position yet.
    out.accept(
        nextOffset < 0
            ? new Positioned(consumption.id, queueId, nextOffset)
            : new Advanced(consumption.id, queueId, nextOffset));
  }

  /**
   * Writes the entry and those behind it that are alike.
   *
   * @return the first entry that is not, or -1
   */
  private int snapshotRun(int first, Consumer<StateChange> out) {
    int count = 1;
    int index = unsettled.next(first);
    while (index >= 0 && unsettled.follows(first, index, count)) {
      count++;
      index = unsettled.next(index);
    }
    long offset = unsettled.offset(first);
    int attempt = unsettled.attempt(first);
    byte state = unsettled.state(first);
    boolean waits = state == Unsettled.WAITING || state == Unsettled.READY;
    out.accept(
        new Leased(
            consumption.id,
            queueId,
            offset,
            count,
            unsettled.lease(first),
            attempt,
            unsettled.dueMs(first),
            unsettled.has(first, Unsettled.ORDERED),
            unsettled.holder(first) != Holders.NONE,
            unsettled.has(first, Unsettled.POPPED)));
    if (waits) {
      out.accept(
          new Returned(
              consumption.id,
              queueId,
              offset,
              count,
              unsettled.dueMs(first),
              attempt,
              unsettled.has(first, Unsettled.NACKED)));
    }
    return index;
  }

  private long retryDelayMs(int index) {
    return unsettled.has(index, Unsettled.ORDERED)
        ? consumption.group.config.orderedRetryDelayMs()
        : consumption.group.config.retryDelayMs(unsettled.attempt(index));
  }

  /**
   * A lease ended without success.
   *
   * @param record false where the deadline did it: time needs no record
   */
  private void endLease(
      int index, long retryAtMs, boolean nacked, String reason, ChangeSink sink, boolean record) {
    boolean ordered = unsettled.has(index, Unsettled.ORDERED);
    int attempt = unsettled.attempt(index);
    if (attempt >= consumption.group.config.maxAttempts()) {
      bury(index, reason, sink);
    } else {
      takeBack(index, retryAtMs, attempt, nacked, sink, record);
    }
    if (ordered) {
      takeBackBehind(index, retryAtMs, sink);
    }
  }

  private void takeBack(
      int index, long retryAtMs, int attempt, boolean nacked, ChangeSink sink, boolean record) {
    state.holders.ended(unsettled.holder(index));
    unsettled.waitUntil(index, retryAtMs, attempt, nacked);
    if (record) {
      sink.change(
          this,
          new Returned(
              consumption.id, queueId, unsettled.offset(index), 1, retryAtMs, attempt, nacked));
    }
  }

  /**
   * Holds back what follows a failed message of an ordered batch; their attempt is not counted.
   * Always recorded: their own deadlines may be later than what took them back.
   */
  private void takeBackBehind(int index, long retryAtMs, ChangeSink sink) {
    for (int at = unsettled.next(index); at >= 0; at = unsettled.next(at)) {
      if (unsettled.state(at) == Unsettled.LEASED && unsettled.has(at, Unsettled.ORDERED)) {
        takeBack(at, retryAtMs, unsettled.attempt(at) - 1, false, sink, true);
      }
    }
  }

  private void remove(int index) {
    endCount(index);
    unsettled.remove(index);
  }

  private void endCount(int index) {
    if (unsettled.state(index) == Unsettled.LEASED) {
      state.holders.ended(unsettled.holder(index));
    }
  }

  private static byte leaseFlags(LeaseBatch batch) {
    return leaseFlags(batch.ordered(), batch.popped());
  }

  private static byte leaseFlags(boolean ordered, boolean popped) {
    return (byte) ((ordered ? Unsettled.ORDERED : 0) | (popped ? Unsettled.POPPED : 0));
  }
}
