package io.sluice.broker;

import io.sluice.broker.StateChange.Advanced;
import io.sluice.broker.StateChange.Returned;
import io.sluice.broker.StateChange.Settled;
import java.util.ArrayList;
import java.util.List;

/**
 * Collects the changes of one turn of the event loop, encoded, so that they become one record in
 * the log. Settled neighbours become one range. Within one queue the order of the changes is kept.
 *
 * <p>Owned by the Broker's event loop.
 */
final class ChangeBuffer implements ChangeSink {

  /** Takes the messages that had their last attempt. */
  interface DeadLetters {
    void dead(QueueCursor cursor, long offset, String reason);
  }

  private final DeadLetters deadLetters;
  private final List<QueueCursor> withRun = new ArrayList<>();
  private final List<QueueCursor> advanced = new ArrayList<>();
  private ByteWriter out = new ByteWriter(4_096);
  private Returned pendingReturn;
  private QueueCursor pendingReturnCursor;

  ChangeBuffer(DeadLetters deadLetters) {
    this.deadLetters = deadLetters;
    StateCodec.writeVersion(out);
  }

  /** Whether there is something that must be recorded now. */
  boolean isEmpty() {
    return out.size() == 1 && withRun.isEmpty() && pendingReturn == null;
  }

  /** Whether positions moved over unwanted messages without a record yet. */
  boolean hasAdvanced() {
    return !advanced.isEmpty();
  }

  /** About how many bytes the changes take so far. */
  int size() {
    return out.size() + 12 * withRun.size();
  }

  /** Adds a change that is of no queue. */
  void change(StateChange change) {
    flushReturn();
    StateCodec.write(out, change);
  }

  @Override
  public void change(QueueCursor cursor, StateChange change) {
    flushRun(cursor);
    if (change instanceof Returned returned) {
      addReturn(cursor, returned);
    } else {
      flushReturn();
      StateCodec.write(out, change);
    }
  }

  @Override
  public void settled(QueueCursor cursor, long offset) {
    if (cursor == pendingReturnCursor) {
      flushReturn();
    }
    if (cursor.runCount > 0 && offset == cursor.runFirst + cursor.runCount) {
      cursor.runCount++;
      return;
    }
    if (cursor.runCount > 0) {
      writeRun(cursor);
    } else {
      withRun.add(cursor);
    }
    cursor.runFirst = offset;
    cursor.runCount = 1;
  }

  @Override
  public void advanced(QueueCursor cursor) {
    if (!cursor.unrecordedAdvance) {
      cursor.unrecordedAdvance = true;
      advanced.add(cursor);
    }
  }

  @Override
  public void dead(QueueCursor cursor, long offset, String reason) {
    deadLetters.dead(cursor, offset, reason);
  }

  /**
   * Ends the list of changes and begins a new one.
   *
   * @return the encoded changes, from 0 to size; the caller owns it now
   */
  ByteWriter drain() {
    flushReturn();
    for (QueueCursor cursor : withRun) {
      if (cursor.runCount > 0) {
        writeRun(cursor);
      }
    }
    withRun.clear();
    for (QueueCursor cursor : advanced) {
      cursor.unrecordedAdvance = false;
      StateCodec.write(
          out, new Advanced(cursor.consumption.id, cursor.queueId, cursor.nextOffset()));
    }
    advanced.clear();
    ByteWriter full = out;
    out = new ByteWriter(4_096);
    StateCodec.writeVersion(out);
    return full;
  }

  private void addReturn(QueueCursor cursor, Returned returned) {
    Returned before = pendingReturn;
    if (before != null
        && cursor == pendingReturnCursor
        && returned.firstOffset() == before.firstOffset() + before.count()
        && returned.retryAtMs() == before.retryAtMs()
        && returned.attempt() == before.attempt()
        && returned.nacked() == before.nacked()) {
      pendingReturn =
          new Returned(
              before.consumption(),
              before.queueId(),
              before.firstOffset(),
              before.count() + returned.count(),
              before.retryAtMs(),
              before.attempt(),
              before.nacked());
      return;
    }
    flushReturn();
    pendingReturn = returned;
    pendingReturnCursor = cursor;
  }

  private void flushReturn() {
    if (pendingReturn != null) {
      StateCodec.write(out, pendingReturn);
      pendingReturn = null;
      pendingReturnCursor = null;
    }
  }

  /** Keeps the order within a queue. The cursor stays listed; an empty run is skipped later. */
  private void flushRun(QueueCursor cursor) {
    if (cursor.runCount > 0) {
      writeRun(cursor);
    }
  }

  private void writeRun(QueueCursor cursor) {
    StateCodec.write(
        out, new Settled(cursor.consumption.id, cursor.queueId, cursor.runFirst, cursor.runCount));
    cursor.runCount = 0;
  }
}
