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
  private final int recordBytes;
  private final List<QueueCursor> withRun = new ArrayList<>();
  private final List<QueueCursor> advanced = new ArrayList<>();
  private final List<ByteWriter> full = new ArrayList<>();
  private ByteWriter out = newWriter();
  private Returned pendingReturn;
  private QueueCursor pendingReturnCursor;

  /**
   * A buffer.
   *
   * @param recordBytes changes beyond so many bytes become a further record
   */
  ChangeBuffer(DeadLetters deadLetters, int recordBytes) {
    this.deadLetters = deadLetters;
    this.recordBytes = recordBytes;
  }

  /** Whether there is something that must be recorded now. */
  boolean isEmpty() {
    return out.size() == 1 && full.isEmpty() && withRun.isEmpty() && pendingReturn == null;
  }

  /** Whether positions moved over unwanted messages without a record yet. */
  boolean hasAdvanced() {
    return !advanced.isEmpty();
  }

  /** Adds a change that is of no queue. */
  void change(StateChange change) {
    flushReturn();
    write(change);
  }

  @Override
  public void change(QueueCursor cursor, StateChange change) {
    flushRun(cursor);
    if (change instanceof Returned returned) {
      addReturn(cursor, returned);
    } else {
      flushReturn();
      write(change);
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
   * @return the encoded changes, in lists of about recordBytes each
   */
  List<ByteWriter> drain() {
    flushReturn();
    for (QueueCursor cursor : withRun) {
      flushRun(cursor);
    }
    withRun.clear();
    for (QueueCursor cursor : advanced) {
      cursor.unrecordedAdvance = false;
      write(new Advanced(cursor.consumption.id, cursor.queueId, cursor.nextOffset()));
    }
    advanced.clear();
    List<ByteWriter> records = new ArrayList<>(full);
    full.clear();
    if (out.size() > 1) {
      records.add(out);
      out = newWriter();
    }
    return records;
  }

  private void write(StateChange change) {
    StateCodec.write(out, change);
    if (out.size() >= recordBytes) {
      full.add(out);
      out = newWriter();
    }
  }

  private static ByteWriter newWriter() {
    ByteWriter writer = new ByteWriter(512);
    StateCodec.writeVersion(writer);
    return writer;
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
      write(pendingReturn);
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
